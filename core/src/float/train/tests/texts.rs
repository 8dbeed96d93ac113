//! Encoders of texts are trained as models of images are.

use super::*;

/// Texts of 2 to 8 tokens; the class of one is whether it has token 19.
fn texts(count: usize) -> TextSet {
    let made = (0..count).map(|at| {
        let mut tokens = text(2 + at % 7, at);
        tokens.iter_mut().for_each(|token| token.id %= 19);
        let class = at / 7 % 2;
        if class == 1 {
            let place = at % tokens.len();
            tokens[place].id = 19;
        }
        (tokens, class)
    });
    let (tokens, classes) = made.unzip();
    TextSet::new(tokens, classes, vec!["without".into(), "with".into()]).unwrap()
}

/// A sentence encoder, and how to train it on [`texts`].
fn encoder(folder: &std::path::Path) -> (FloatModel, TrainOptions) {
    let head = TextHead::Embedding {
        pooling: TextPooling::Mean,
        normalized: true,
    };
    let labels = ["without", "with"].map(str::to_owned);
    let model = with_labels(&small_encoder(head, 0), &labels, 1).unwrap();
    let options = TrainOptions {
        epochs: 4,
        batch: 16,
        learning_rate: 4e-3,
        checkpoint_seconds: 0,
        resume: true,
        ..TrainOptions::new(model.config.clone(), Preprocessing::none(), folder)
    };
    (model, options)
}

fn fine_tune(model: &FloatModel, options: &TrainOptions) -> Trained {
    let origin = Origin {
        params: Some(&model.params),
        ..Origin::default()
    };
    train_from(options, &origin, &texts(280), &texts(70), &mut go_on).unwrap()
}

#[test]
fn an_encoder_learns_texts_and_goes_on_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (model, options) = encoder(folder.path());
    let expected = fine_tune(&model, &options);
    let last = expected.history.last().unwrap().validation.unwrap();
    assert!(last.top1 > 0.9, "{last:?}");

    let folder = tempfile::tempdir().unwrap();
    let (_, options) = encoder(folder.path());
    let origin = Origin {
        params: Some(&model.params),
        ..Origin::default()
    };
    let mut steps = 0;
    let ui = &mut |event: &TrainEvent<'_>| {
        steps += usize::from(matches!(event, TrainEvent::Step { .. }));
        match steps > 30 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    assert!(train_from(&options, &origin, &texts(280), &texts(70), ui).is_err());
    assert_eq!(fine_tune(&model, &options).model, expected.model);
}

#[test]
fn a_rate_of_its_own_freezes_or_slows_parameters() {
    let rate = |of: &str, factor| RateOf {
        of: of.to_owned(),
        factor,
    };
    let folder = tempfile::tempdir().unwrap();
    let (model, options) = encoder(folder.path());
    let options = TrainOptions {
        epochs: 1,
        rates: vec![
            rate("embeddings", 0.0),
            rate("blocks", 0.01),
            rate("blocks.1", 1.0),
        ],
        ..options
    };
    let trained = fine_tune(&model, &options).model;
    let moved = |name: &str| {
        let [a, b] = [&model, &trained].map(|model| &model.params.get(name).unwrap().data);
        let far = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        far.fold(0.0, f32::max)
    };
    assert_eq!(moved("embeddings.word.weight"), 0.0);
    assert_eq!(moved("embeddings.norm.bias"), 0.0);
    let [slow, fast] = [0, 1].map(|block| moved(&format!("blocks.{block}.mlp.fc1.bias")));
    assert!(0.0 < slow && slow < 0.05 * fast, "{slow} {fast}");
    assert!(moved("head.out.weight") > 0.0);

    let refused = |rates: Vec<RateOf>, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (model, options) = encoder(folder.path());
        let options = TrainOptions { rates, ..options };
        let origin = Origin {
            params: Some(&model.params),
            ..Origin::default()
        };
        let error = train_from(&options, &origin, &texts(20), &texts(20), &mut go_on);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(
        vec![rate("block", 0.0)],
        "such as blocks, embeddings, head, found \"block\"",
    );
    let all = ["blocks", "embeddings", "head"].map(|of| rate(of, 0.0));
    refused(all.to_vec(), "found all of them frozen");
    refused(vec![rate("blocks", -1.0)], "factors of rates of 0 or more");
}

#[test]
fn data_of_another_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, of_texts) = encoder(folder.path());
    let error = train(&of_texts, &spots(10), &spots(10), &mut go_on).unwrap_err();
    let expected = "expected texts, which the model takes, found images";
    assert!(error.to_string().contains(expected), "{error}");
    let of_images = options(folder.path());
    let error = train(&of_images, &texts(10), &texts(10), &mut go_on).unwrap_err();
    let expected = "expected images, which the model takes, found texts";
    assert!(error.to_string().contains(expected), "{error}");
    let mixed = TrainOptions {
        mixup: 0.2,
        ..of_texts
    };
    let error = train(&mixed, &texts(10), &texts(10), &mut go_on).unwrap_err();
    assert!(
        error.to_string().contains("expected images to mix"),
        "{error}"
    );
}

#[test]
fn a_new_head_is_one_of_what_the_model_pools() {
    let labels = ["a", "b", "c"].map(str::to_owned);
    for (head, classes) in [
        (
            TextHead::Embedding {
                pooling: TextPooling::Max,
                normalized: true,
            },
            0,
        ),
        (TextHead::Tokens, 3),
    ] {
        let old = small_encoder(head, classes);
        let new = with_labels(&old, &labels, 7).unwrap();
        assert_eq!(new, with_labels(&old, &labels, 7).unwrap());
        assert_ne!(new, with_labels(&old, &labels, 8).unwrap());
        for (name, tensor) in &old.params.0 {
            let kept = new.params.get(name).ok() == Some(tensor);
            assert_eq!(kept, !name.starts_with("head"), "{name}");
        }
        let mut tokens = old.clone();
        if tokens.config.classes() == 3 {
            tokens.labels = labels.to_vec();
            assert_ne!(with_labels(&tokens, &labels, 7).unwrap(), tokens);
        }
        // The very classes, in another order, are those that the model has.
        let again = with_labels(&new, &["c", "a", "b"].map(str::to_owned), 9).unwrap();
        assert_eq!(again, new);
    }
    for (labels, expected) in [
        (&["a"][..], "at least two classes, found 1"),
        (&["a", "b", "a"][..], "found \"a\" twice"),
    ] {
        let labels: Vec<_> = labels.iter().map(|&label| label.to_owned()).collect();
        let error = with_labels(&small(), &labels, 0).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
