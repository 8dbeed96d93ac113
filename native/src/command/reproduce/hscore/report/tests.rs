use super::{
    super::sets::SetName,
    sample::{results, set},
    verdict::findings,
    *,
};
use crate::study::verdict::Tone;

#[test]
fn the_page_stands_alone() {
    let page = page(&results(vec![
        set(SetName::Trec, 0.4, 0.9),
        set(SetName::Glyphs, 0.4, 0.9),
    ]));
    let page = page.unwrap();
    for outside in ["src=\"http", "<link", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for tag in [
        "section",
        "figure",
        "table",
        "div",
        "ul",
        "li",
        "span",
        "svg",
        "blockquote",
    ] {
        let [open, close] = [format!("<{tag}"), format!("</{tag}>")];
        let starts =
            page.matches(&format!("{open}>")).count() + page.matches(&format!("{open} ")).count();
        assert_eq!(starts, page.matches(&close).count(), "{tag}");
    }
    // Two histograms, two of accuracy and one of noise of each.
    assert_eq!(page.matches("<svg").count(), 10);
    assert!(page.contains("TREC-6") && page.contains("Glyphs"));
    // A text is cut, and six runs of which each saves 0.6 pay after ten.
    assert!(page.contains("long long…") || page.contains("long …"));
    assert!(page.contains("pay after 10 trainings"));
    assert!(page.contains("80 (40.0\u{a0}%)"));
}

#[test]
fn text_of_the_data_is_escaped() {
    let evil = || "<script>\"'&".to_owned();
    let mut set = set(SetName::R8, 0.4, 0.9);
    (set.settings.from, set.classes[0]) = (evil(), evil());
    set.settings.frozen = vec![evil()];
    set.ways.iter_mut().for_each(|way| way.name += &evil());
    set.noise.finders[0].name = evil();
    for example in set.never.iter_mut().chain(&mut set.always) {
        example.class = evil();
        match &mut example.shown {
            super::super::results::Shown::Text(text) => *text = evil(),
            super::super::results::Shown::Image { png, .. } => *png = evil(),
        }
    }
    let page = page(&results(vec![set])).unwrap();
    assert!(!page.contains("<script"));
    assert!(page.matches("&lt;script&gt;").count() > 10);
}

#[test]
fn the_verdict_follows_the_figures() {
    let tones = |sets: Vec<_>| {
        findings(&results(sets))
            .iter()
            .map(|f| f.tone)
            .collect::<Vec<_>>()
    };
    let good = || set(SetName::Trec, 0.4, 0.899);
    // Within a standard deviation, 2.9 points above random at equal epochs, and 0.9 at equal steps.
    assert_eq!(tones(vec![good()]), [Tone::Holds; 4]);
    // More than half of the data.
    let large = || set(SetName::R8, 0.6, 0.899);
    assert_eq!(tones(vec![large()])[0], Tone::Fails);
    assert_eq!(tones(vec![good(), good(), large()])[0], Tone::Holds);
    assert_eq!(tones(vec![good(), large()])[0], Tone::Fails);
    // As good as random, and worse.
    assert_eq!(tones(vec![set(SetName::R8, 0.4, 0.87)])[1], Tone::Open);
    assert_eq!(
        tones(vec![set(SetName::R8, 0.4, 0.8)])[..3],
        [Tone::Fails; 3]
    );
    let mut noise = good();
    noise.noise.finders[0].interval[0] = 0.49;
    assert_eq!(tones(vec![noise])[3], Tone::Fails);
}

#[test]
fn a_subset_that_is_empty_is_said_to_be() {
    let mut none = set(SetName::Trec, 0.4, 0.9);
    none.ways.retain(|way| way.name == "all");
    (none.never, none.always) = (Vec::new(), Vec::new());
    none.noise.finders.clear();
    let page = page(&results(vec![none])).unwrap();
    assert!(page.contains("the subset is empty") && page.contains("there are none"));
    assert!(!page.contains("NaN"));
}
