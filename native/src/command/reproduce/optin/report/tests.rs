use super::{
    super::tasks::Task,
    sample::{results, task},
    verdict::findings,
    *,
};
use crate::study::{page::check, verdict::Tone};

/// What each arm has at 0.6.
const GOOD: [(Arm, f64); 7] = [
    (Arm::Optin, 0.89),
    (Arm::OptinAsReleased, 0.8),
    (Arm::Fisher, 0.85),
    (Arm::Kwon, 0.86),
    (Arm::Magnitude, 0.7),
    (Arm::Random, 0.3),
    (Arm::Greedy, 0.89),
];

#[test]
fn the_page_stands_alone() {
    let tasks = vec![task(Task::Trec, &GOOD), task(Task::Glyphs, &GOOD[..3])];
    let page = page(&results(tasks)).unwrap();
    check(&page);
    // Accuracy and sizes of each; what stays, of three methods and of two.
    assert_eq!(page.matches("<svg").count(), 2 * 2 + 3 + 2);
    for words in [
        "TREC-6, encoder",
        "Glyphs, Swin",
        "0 of 12",
        "12.35 million",
        "Where is it?",
        "1\u{202f}234\u{202f}567",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("NaN"));
}

#[test]
fn text_of_the_data_is_escaped() {
    let evil = || "<script>\"'&".to_owned();
    let mut task = task(Task::Trec, &GOOD);
    task.settings.from = evil();
    task.settings.frozen = vec![evil()];
    task.times[0].executor = evil();
    for cell in task.arms.iter_mut().flat_map(|arm| &mut arm.cells) {
        cell.blocks[0].site = evil();
    }
    (task.lost[0].class, task.lost[0].answer) = (evil(), evil());
    let page = page(&results(vec![task])).unwrap();
    assert!(!page.contains("<script"));
    assert!(page.matches("&lt;script&gt;").count() > 8);
}

fn tones(tasks: Vec<super::super::results::TaskResults>) -> Vec<Tone> {
    let findings = findings(&results(tasks));
    findings.iter().map(|finding| finding.tone).collect()
}

#[test]
fn the_verdict_follows_the_figures() {
    use Tone::{Fails, Holds, Open};
    // Texts, images; fisher, kwon, released code, magnitude, chance, greedy; time.
    let found = tones(vec![task(Task::Trec, &GOOD), task(Task::Glyphs, &GOOD)]);
    assert_eq!(
        found[..8],
        [Holds, Holds, Holds, Holds, Holds, Holds, Holds, Open]
    );
    assert_eq!(found[8], Holds);
    // No image task.
    assert_eq!(tones(vec![task(Task::Trec, &GOOD)])[1], Open);
    // Three points are lost by the best, and by all.
    let with = |optin: f64, kwon: f64| {
        let mut arms = GOOD;
        (arms[0].1, arms[3].1) = (optin, kwon);
        tones(vec![task(Task::Trec, &arms)])
    };
    assert_eq!(with(0.8, 0.9)[0], Holds);
    assert_eq!(with(0.85, 0.8)[0], Fails);
    assert_eq!(with(0.8, 0.9)[3], Fails);
    // About two points, of a thousand examples.
    assert_eq!(with(0.881, 0.8)[0], Open);
}

#[test]
fn time_is_told_where_it_was_taken() {
    let mut slow = task(Task::Trec, &GOOD);
    slow.times[0].models[2].ratio = 0.8;
    assert_eq!(tones(vec![slow.clone()])[8], Tone::Fails);
    slow.times.clear();
    assert_eq!(tones(vec![slow]).len(), 8);
}

/// A control is no task that claims are of.
#[test]
fn the_control_stands_apart() {
    let control = task(Task::Tight, &GOOD);
    let found = tones(vec![control]);
    assert_eq!(found[..8], [Tone::Open; 8]);
    assert_eq!(found.len(), 9);
}
