//! Patches that are left out.

use super::*;
use crate::{architecture::VitPooling, float::logits};

fn vit(prefix: usize, pooling: VitPooling) -> Case {
    let config = VitConfig {
        image_size: [16, 12],
        patch_size: 4,
        embed_dim: 12,
        depth: 4,
        heads: 3,
        hidden: 20,
        classes: 4,
        prefix,
        pooling,
        ..VitConfig::tiny()
    };
    Case::new(float_model(config, 3).unwrap())
}

fn tokens(criterion: Criterion, share: f64, tokens: f64) -> PruneOptions {
    PruneOptions {
        tokens,
        batch: 4,
        ..PruneOptions::new(criterion, share)
    }
}

fn patch_depth(model: &FloatModel) -> Vec<usize> {
    match &model.config {
        Config::Vit(config) => config.patch_depth.clone().unwrap(),
        _ => unreachable!("a ViT"),
    }
}

#[test]
fn patches_and_units_share_the_reduction() {
    for (prefix, pooling) in [(1, VitPooling::First), (2, VitPooling::Mean)] {
        let case = vit(prefix, pooling);
        for criterion in [
            Criterion::Random,
            Criterion::Magnitude,
            Criterion::Fisher,
            Criterion::Trajectory,
            Criterion::Answers,
        ] {
            let all = tokens(criterion, 0.7, 1.0);
            let (pruned, report) = case.prune(&all).unwrap();
            let kept = report.macs[1] as f64 / report.macs[0] as f64;
            assert!(kept <= 0.7 && kept > 0.6, "{criterion:?} {kept}");
            // No unit went.
            assert_eq!(report.parameters[0], report.parameters[1]);
            assert!(
                report
                    .blocks
                    .iter()
                    .all(|block| block.hidden[0] == block.hidden[1])
            );
            // The first block sees all; no block sees more than the one before.
            assert_eq!(report.patches[0], 12);
            assert!(report.patches.is_sorted_by(|a, b| a >= b) && report.patches[3] >= 2);
            assert_eq!(case.prune(&all).unwrap().0, pruned);

            let half = tokens(criterion, 0.7, 0.5);
            let (pruned, report) = case.prune(&half).unwrap();
            let kept = report.macs[1] as f64 / report.macs[0] as f64;
            assert!(kept <= 0.7 && kept > 0.6, "{criterion:?} {kept}");
            assert!(report.parameters[1] < report.parameters[0]);
            assert!(report.patches[3] < 12);
            assert_eq!(case.prune(&half).unwrap().0, pruned);
        }
    }
}

/// A patch that says nothing goes first: its values are those of another, which its place makes the same, too.
#[test]
fn what_the_model_does_not_look_at_goes_first() {
    let mut case = vit(1, VitPooling::First);
    let channels = 12;
    // Attentions that do not read patch 5: their keys lie far away from all queries... so far that its values are 0
    // from the start: place and image alike.
    let patches = case
        .model
        .params
        .get_mut("patch_embed.proj.weight")
        .unwrap();
    patches.data.fill(0.0);
    let bias = case.model.params.get_mut("patch_embed.proj.bias").unwrap();
    bias.data.fill(0.0);
    // All patches are alike but 5, of which all that is told is its place.
    let places = case.model.params.get_mut("embed.position.weight").unwrap();
    for patch in 0..12 {
        let row = &mut places.data[(1 + patch) * channels..][..channels];
        for (c, value) in row.iter_mut().enumerate() {
            let odd = if patch == 5 { 3.0 } else { 0.0 };
            *value = ((1 + c) as f32).sin() + odd * ((3 * c) as f32).cos();
        }
    }
    for criterion in [Criterion::Trajectory, Criterion::Answers] {
        let (pruned, _) = case.prune(&tokens(criterion, 0.6, 1.0)).unwrap();
        let depths = patch_depth(&pruned);
        assert_eq!(depths[5], 4, "{criterion:?} {depths:?}");
    }
}

/// One of two patches goes, and no token is left beside the other.
#[test]
fn a_single_patch_may_be_left() {
    let config = VitConfig {
        image_size: [4, 8],
        patch_size: 4,
        embed_dim: 12,
        depth: 3,
        heads: 3,
        hidden: 20,
        classes: 4,
        prefix: 0,
        pooling: VitPooling::MeanOfNormalized,
        ..VitConfig::tiny()
    };
    let case = Case::new(float_model(config, 3).unwrap());
    for criterion in [Criterion::Trajectory, Criterion::Answers] {
        let (pruned, report) = case.prune(&tokens(criterion, 0.8, 1.0)).unwrap();
        assert_eq!(report.patches[0] + report.patches[2], 3, "{criterion:?}");
        assert!(patch_depth(&pruned).contains(&3));
    }
}

#[test]
fn a_run_of_patches_that_was_stopped_ends_with_the_same_bytes() {
    let case = vit(1, VitPooling::First);
    let folder = tempfile::tempdir().unwrap();
    let kept = PruneOptions {
        state: Some(folder.path().to_owned()),
        ..tokens(Criterion::Trajectory, 0.6, 0.5)
    };
    let plain = PruneOptions {
        state: None,
        ..kept.clone()
    };
    let (expected, _) = case.prune(&plain).unwrap();
    for stop in [1, 2, 4, 6] {
        let mut scored = 0;
        let mut ui = |event| match event {
            PruneEvent::Scored(_) if scored == stop => ControlFlow::Break(()),
            PruneEvent::Scored(_) => {
                scored += 1;
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        };
        let error = prune(&kept, &case.model, case.items(), &mut ui).unwrap_err();
        assert!(error.to_string().contains("stopped"), "{error}");
    }
    assert_eq!(case.prune(&kept).unwrap().0, expected);
    let error = case
        .prune(&PruneOptions {
            tokens: 0.4,
            ..kept
        })
        .unwrap_err();
    assert!(
        error.to_string().contains("found those of other options"),
        "{error}"
    );
}

#[test]
fn models_without_patches_to_leave_out_are_refused() {
    let refused =
        |case: &Case, options: &PruneOptions| case.prune(options).unwrap_err().to_string();
    let some = tokens(Criterion::Answers, 0.7, 0.5);
    for case in cases() {
        if case.model.config.patches().is_none() {
            let error = refused(&case, &some);
            assert!(
                error.contains("expected a Vision Transformer that answers for whole images"),
                "{error}"
            );
        }
    }
    let mut case = vit(1, VitPooling::First);
    let error = refused(&case, &tokens(Criterion::Answers, 0.05, 1.0));
    assert!(
        error.contains("to be reached by leaving patches out, found 0.05"),
        "{error}"
    );
    for share in [-0.1, 1.1, f64::NAN] {
        let error = refused(&case, &tokens(Criterion::Answers, 0.7, share));
        assert!(error.contains("by tokens from 0 to 1"), "{error}");
    }
    // One that leaves some out already.
    case.model = case.prune(&some).unwrap().0;
    assert!(refused(&case, &some).contains("has all of its patches"));
    // It is pruned further by its units, and answers as ever.
    let (fewer, _) = case.prune(&tokens(Criterion::Fisher, 0.7, 0.0)).unwrap();
    assert_eq!(
        logits(&fewer, case.samples()).unwrap().len(),
        case.classes.len()
    );
}
