use super::{sample, *};

fn empty() -> Results {
    let mut results = sample::results();
    results.forms.clear();
    results.arms.clear();
    results.histograms.clear();
    results.latency.clear();
    results.confusions.clear();
    results.examples.clear();
    results.classes.clear();
    results
}

#[test]
fn the_page_stands_alone() {
    let page = page(&sample::results()).unwrap();
    for outside in ["src=\"http", "<link", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<h1").count(), 1);
    assert_eq!(
        page.matches("<caption").count(),
        page.matches("<table").count()
    );
    assert_eq!(
        page.matches("<svg role=\"img\" aria-label").count(),
        page.matches("<svg").count()
    );
    // Course, arms, four blocks, one place of latency at least.
    assert!(page.matches("<svg").count() >= 7);
    for tag in ["section", "figure", "table", "div", "ul", "span", "svg"] {
        let [open, close] = [format!("<{tag}"), format!("</{tag}>")];
        assert_eq!(
            page.matches(&open).count(),
            page.matches(&close).count(),
            "{tag}"
        );
    }
    assert!(page.contains("src=\"data:image/png;base64,iVBORw0KGgo"));
    assert!(!page.contains("NaN"));
}

#[test]
fn all_text_of_the_data_is_escaped() {
    let evil = "<script>\"'&";
    let evil = || evil.to_owned();
    let mut results = sample::results();
    results.settings.teacher = evil();
    results.machine.platform = evil();
    results.machine.processor = evil();
    results.forms[0].name = evil();
    results.histograms[0].block = evil();
    for latency in &mut results.latency {
        (latency.model, latency.executor, latency.device) = (evil(), evil(), evil());
        latency.variants[1].activation = evil();
    }
    for arm in &mut results.arms {
        (arm.name, arm.what) = (evil(), evil());
        for run in &mut arm.runs {
            run.digest = evil();
            run.course[1].label = evil();
            run.course[2].label = "<b>".into();
        }
    }
    let confusion = &mut results.confusions[0];
    (confusion.truth, confusion.named) = (evil(), evil());
    let example = &mut results.examples[0];
    (example.truth, example.teacher, example.student) = (evil(), evil(), evil());
    example.png = evil();
    let page = page(&results).unwrap();
    assert!(!page.contains("<script"));
    assert!(!page.contains("<b>"));
    assert!(page.matches("&lt;script&gt;").count() > 20);
}

#[test]
fn empty_results_make_a_page() {
    let page = page(&empty()).unwrap();
    assert!(page.contains("No accuracy was measured"));
    assert!(page.contains("No latency was measured"));
    assert!(!page.contains("NaN"));
    assert!(!page.contains("holds here"));
}

#[test]
fn arms_without_students_and_students_without_course_make_a_page() {
    let mut results = sample::results();
    results.arms[0].runs.clear();
    for run in &mut results.arms[1].runs {
        run.course.clear();
    }
    assert!(page(&results).unwrap().contains("No accuracy was measured"));
    results.arms.remove(0);
    results.arms[0].claimed = true;
    assert!(page(&results).unwrap().contains("No course was recorded"));
}

#[test]
fn odd_numbers_make_a_page() {
    let mut results = sample::results();
    results.teacher.top1 = f64::NAN;
    results.settings.epoch_images = usize::MAX;
    results.settings.test_images = 0;
    results.arms[0].runs[0].course[1].before = f64::INFINITY;
    results.arms[0].runs[1].student.integer.top1 = f64::NAN;
    results.arms[0].runs[2].course.truncate(2);
    results.latency[0].variants[4].saved = Some([f64::NAN; 3]);
    results.latency[0].variants[3].median_ms = -1.0;
    results.latency[0].batch = 0;
    results.latency[1].variants.clear();
    results.histograms[0].low = f64::NEG_INFINITY;
    results.examples[0].side = usize::MAX;
    assert!(!page(&results).unwrap().contains("NaN"));
}

#[test]
fn one_seed_has_no_spread() {
    let mut results = sample::results();
    results.settings.seeds = 1;
    results.arms.truncate(1);
    results.arms[0].runs.truncate(1);
    let page = page(&results).unwrap();
    assert!(page.contains("no spread is known"));
    assert!(page.contains("with one seed"));
}

#[test]
fn a_quick_run_is_told_first_and_holds_nothing() {
    let mut results = sample::results();
    assert!(page(&results).unwrap().contains("holds here"));
    results.settings.quick = true;
    let page = page(&results).unwrap();
    assert!(!page.contains("holds here"));
    assert!(page.find("class=\"warning\"").unwrap() < page.find("class=\"findings\"").unwrap());
    assert!(page.contains("intformer reproduce relu --quick"));
}

#[test]
fn the_page_of_a_study_in_which_all_holds() {
    insta::assert_snapshot!("all_holds", page(&sample::results()).unwrap());
}

#[test]
fn the_page_of_a_quick_study_that_shows_little() {
    let mut results = empty();
    results.settings.quick = true;
    results.settings.seeds = 1;
    results.machine.release = false;
    results.machine.processor.clear();
    results.arms = vec![
        sample::arm("last-to-first", true, &[0.97]),
        sample::arm("at-once", false, &[0.98]),
    ];
    results.latency = vec![sample::latency("swin-t", 1, [0.05, 0.1, 0.14])];
    insta::assert_snapshot!("shows_little", page(&results).unwrap());
}
