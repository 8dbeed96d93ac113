use super::{
    sample::{results, set},
    verdict::findings,
    *,
};
use crate::study::{page::check, sets::SetName, verdict::Tone};

#[test]
fn the_page_stands_alone() {
    let page = page(&results(vec![
        set(SetName::Trec, 0.4, 0.9),
        set(SetName::Glyphs, 0.4, 0.9),
    ]));
    let page = page.unwrap();
    check(&page);
    // Two histograms, two of accuracy and one of noise of each.
    assert_eq!(page.matches("<svg").count(), 10);
    assert!(page.contains("TREC-6") && page.contains("Glyphs"));
    // A text is cut, and six runs of which each saves 0.6 pay after ten.
    assert!(page.contains("long long…") || page.contains("long …"));
    assert!(page.contains("score pay after 10 trainings"));
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
            crate::study::examples::Shown::Text(text) => *text = evil(),
            crate::study::examples::Shown::Image { png, .. } => *png = evil(),
        }
    }
    let page = page(&results(vec![set])).unwrap();
    assert!(!page.contains("<script"));
    assert!(page.matches("&lt;script&gt;").count() > 10);
}

#[test]
fn the_verdict_follows_the_figures() {
    use Tone::{Fails, Holds, Open};
    let tones = |sets: Vec<_>| {
        let findings = findings(&results(sets));
        findings.iter().map(|f| f.tone).collect::<Vec<_>>()
    };
    // So many that other test examples would change little.
    let of = |share: f64, top1: f64| {
        let mut set = set(SetName::Trec, share, top1);
        set.settings.test_examples = 1_000_000;
        set
    };
    let good = || of(0.4, 0.899);
    // Within a standard deviation; 2.9 points above random at equal epochs, and 0.9 at equal steps; 7.9 above all where
    // labels are flipped.
    assert_eq!(tones(vec![good()]), [Holds; 5]);
    // More than half of the data.
    let large = || of(0.6, 0.899);
    assert_eq!(tones(vec![large()])[0], Fails);
    assert_eq!(tones(vec![good(), good(), large()])[0], Holds);
    assert_eq!(tones(vec![good(), large()])[0], Open);
    // As good as random; worse.
    assert_eq!(tones(vec![of(0.4, 0.87)])[1], Open);
    assert_eq!(
        tones(vec![of(0.4, 0.78)]),
        [Fails, Fails, Fails, Holds, Fails]
    );
    // Few test examples tell nothing of a gain.
    assert_eq!(tones(vec![set(SetName::Trec, 0.4, 0.899)])[1..3], [Open; 2]);
    // One seed has no deviation.
    let mut one = good();
    one.ways.iter_mut().for_each(|way| way.runs.truncate(1));
    assert_eq!(tones(vec![one]), [Open, Open, Open, Holds, Open]);
    let noise = |interval| {
        let mut set = good();
        set.noise.finders[0].interval = interval;
        tones(vec![set])[3]
    };
    assert_eq!(noise(Some([0.49, 0.6])), Open);
    assert_eq!(noise(Some([0.2, 0.4])), Fails);
    assert_eq!(noise(None), Open);
}

#[test]
fn it_pays_never_if_all_is_kept() {
    let mut all = set(SetName::Trec, 1.0, 0.9);
    assert!(
        page(&results(vec![all.clone()]))
            .unwrap()
            .contains("score pay never")
    );
    // Six runs over a thousand, of which each training saves 200.
    all.ways[1].examples = 800;
    assert!(
        page(&results(vec![all]))
            .unwrap()
            .contains("pay after 30 trainings")
    );
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
