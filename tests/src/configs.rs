//! Configurations of small models.

use intformer::architecture::{
    Activation, BertConfig, Config, PerBlock, SwinConfig, TextHead, TextPooling, VitConfig,
    VitPooling, Widths, Windowing,
};
use proptest::prelude::*;

/// Widths of the blocks of stages of `depths`, at most two each, of which some block has some; as heads, their channels and
/// hidden channels of each.
fn some_widths(depths: &[usize], widths: &[(usize, usize, usize)]) -> PerBlock<Widths> {
    let of = |stage: usize, block: usize| {
        let (heads, head_dim, hidden) = widths[2 * stage + block];
        Widths {
            heads,
            head_dim,
            hidden,
        }
    };
    let is_empty =
        |stage: usize, block: usize| of(stage, block).heads + of(stage, block).hidden == 0;
    let stages = 0..depths.len();
    let none = stages
        .into_iter()
        .all(|stage| (0..depths[stage]).all(|block| is_empty(stage, block)));
    let each = PerBlock::each(depths, of);
    match none {
        true => each.with(
            depths,
            0,
            0,
            Widths {
                hidden: 1,
                ..of(0, 0)
            },
        ),
        false => each,
    }
}

/// One of eight bits for each block.
fn bit(bits: u8, stage: usize, block: usize) -> bool {
    bits >> (2 * stage + block) & 1 == 1
}

prop_compose! {
    /// Small configurations of all kinds: odd windows, channels that no power of two divides,
    /// one to three stages, maps that a window covers whole, maps that are padded, no head.
    pub fn config()(
        stages in 1usize..=3,
        window in 1usize..=5,
        factors in (1usize..=2, 1usize..=2),
        patch in 1usize..=4,
        in_channels in prop_oneof![Just(1usize), Just(2), Just(3)],
        first_heads in 1usize..=3,
        head_dim in 1usize..=9,
        depths in prop::collection::vec(1usize..=2, 3),
        ratio in 1usize..=4,
        classes in 0usize..=20,
        qkv_bias: bool,
        relu: u8,
        fc1_bias: u8,
        // Maps of any extents, in half of the cases.
        any_map in prop::option::of([1usize..=21, 1usize..=21]),
        windowing in prop_oneof![
            Just(Windowing::Timm),
            Just(Windowing::Transformers),
            Just(Windowing::Torchvision),
        ],
    ) -> SwinConfig {
        // The last map is a multiple of the window; earlier ones are twice as large each.
        let side = |factor: usize| ((window * factor) << (stages - 1)) * patch;
        SwinConfig {
            image_size: match any_map {
                Some(map) => map.map(|tokens| tokens * patch),
                None => [side(factors.0), side(factors.1)],
            },
            in_channels,
            patch_size: patch,
            embed_dim: first_heads * head_dim,
            depths: depths[..stages].to_vec(),
            heads: (0..stages).map(|stage| first_heads << stage).collect(),
            window_size: window,
            mlp_ratio: ratio as f64,
            classes,
            dense: false,
            qkv_bias,
            layer_norm_eps: 1e-5,
            windowing,
            activation: PerBlock::each(&depths[..stages], |stage, block| match bit(relu, stage, block) {
                true => Activation::Relu,
                false => Activation::Gelu,
            }),
            widths: None,
            fc1_bias: PerBlock::each(&depths[..stages], |stage, block| bit(fc1_bias, stage, block)),
        }
    }
}

prop_compose! {
    /// The same with pruned blocks, of which some or whole stages have neither attention nor MLP.
    pub fn pruned_config()(
        config in config(),
        widths in prop::collection::vec((0usize..=3, 1usize..=9, 0usize..=30), 6),
    ) -> SwinConfig {
        SwinConfig {
            widths: Some(some_widths(&config.depths, &widths)),
            ..config
        }
    }
}

prop_compose! {
    /// Small Vision Transformers of all kinds: odd grids and heads, registers, no head or two, means, pruned blocks, patches
    /// that are left out.
    pub fn vit()(
        grid in [1usize..=6, 1usize..=6],
        patch in 1usize..=5,
        in_channels in prop_oneof![Just(1usize), Just(2), Just(3)],
        prefix in 0usize..=3,
        answer in 0u8..4,
        heads in 1usize..=3,
        head_dim in 1usize..=18,
        depth in 1usize..=3,
        hidden in 1usize..=40,
        classes in 0usize..=20,
        qkv_bias: bool,
        relu: u8,
        fc1_bias: u8,
        widths in prop::option::of(prop::collection::vec((0usize..=3, 1usize..=9, 0usize..=30), 3)),
        patch_depth in prop::option::of((prop::collection::vec(1usize..=3, 36), 0usize..36)),
    ) -> VitConfig {
        let widths = widths.map(|widths| some_widths(&[depth], &widths));
        // One goes through all blocks.
        let patches = grid[0] * grid[1];
        let patch_depth = patch_depth.map(|(depths, last)| {
            let depths = depths[..patches].iter().enumerate();
            let of = |(at, &some): (usize, &usize)| match at == last % patches {
                true => depth,
                false => some.min(depth),
            };
            depths.map(of).collect()
        });
        let (pooling, distilled, prefix) = match answer {
            0 => (VitPooling::First, false, prefix.max(1)),
            1 => (VitPooling::First, classes > 0, prefix.max(2)),
            2 => (VitPooling::Mean, false, prefix),
            _ => (VitPooling::MeanOfNormalized, false, 0),
        };
        VitConfig {
            image_size: grid.map(|patches| patches * patch),
            in_channels,
            patch_size: patch,
            prefix,
            pooling,
            distilled,
            embed_dim: heads * head_dim,
            depth,
            heads,
            hidden,
            classes,
            dense: false,
            patch_depth,
            qkv_bias,
            layer_norm_eps: 1e-6,
            activation: PerBlock::each(&[depth], |stage, block| match bit(relu, stage, block) {
                true => Activation::Relu,
                false => Activation::Gelu,
            }),
            fc1_bias: PerBlock::each(&[depth], |stage, block| bit(fc1_bias, stage, block)),
            widths,
        }
    }
}

/// Dense models: Swins and Vision Transformers with logits for each token.
pub fn dense() -> impl Strategy<Value = Config> {
    let swin = pruned_config().prop_map(|config| {
        let classes = config.classes.max(2);
        Config::from(SwinConfig {
            dense: true,
            classes,
            ..config
        })
    });
    let vit = (vit(), 0usize..=3).prop_map(|(config, prefix)| {
        let classes = config.classes.max(2);
        Config::from(VitConfig {
            dense: true,
            patch_depth: None,
            prefix,
            pooling: VitPooling::First,
            distilled: false,
            classes,
            ..config
        })
    });
    prop_oneof![swin, vit]
}

prop_compose! {
    /// Small encoders of texts of all kinds: odd heads, tables of other widths, every head, pruned blocks.
    pub fn bert()(
        vocabulary in 1usize..=40,
        positions in 1usize..=40,
        segments in 1usize..=2,
        embedding_dim in prop::option::of(1usize..=30),
        heads in 1usize..=3,
        head_dim in 1usize..=18,
        depth in 1usize..=2,
        hidden in 1usize..=40,
        head in prop_oneof![
            prop_oneof![Just(TextPooling::First), Just(TextPooling::Mean), Just(TextPooling::Max)]
                .prop_map(|pooling| TextHead::Embedding { pooling, normalized: true }),
            prop::option::of(activation())
                .prop_map(|dense| TextHead::Text { pooling: TextPooling::First, dense }),
            Just(TextHead::Text { pooling: TextPooling::Mean, dense: None }),
            Just(TextHead::Tokens),
        ],
        classes in 1usize..=20,
        activations in prop::collection::vec(activation(), 2),
        fc1_bias: u8,
        widths in prop::option::of(prop::collection::vec((0usize..=3, 1usize..=9, 0usize..=30), 2)),
    ) -> BertConfig {
        let widths = widths.map(|widths| some_widths(&[depth], &widths));
        BertConfig {
            vocabulary,
            positions,
            segments,
            embed_dim: heads * head_dim,
            embedding_dim,
            depth,
            heads,
            hidden,
            head,
            classes: match head {
                TextHead::Embedding { .. } => 0,
                _ => classes,
            },
            layer_norm_eps: 1e-12,
            activation: PerBlock::each(&[depth], |_, block| activations[block]),
            fc1_bias: PerBlock::each(&[depth], |stage, block| bit(fc1_bias, stage, block)),
            widths,
        }
    }
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::Gelu),
        Just(Activation::GeluTanh),
        Just(Activation::Relu),
        Just(Activation::Tanh),
    ]
}

/// Channels and windows that no power of two divides.
pub fn small() -> SwinConfig {
    SwinConfig {
        image_size: [24, 36],
        in_channels: 3,
        patch_size: 2,
        embed_dim: 20,
        depths: vec![2, 2],
        heads: vec![2, 4],
        window_size: 3,
        mlp_ratio: 3.0,
        classes: 7,
        activation: PerBlock::All(Activation::Gelu),
        fc1_bias: PerBlock::All(true),
        ..SwinConfig::tiny()
    }
}

/// Blocks of other widths than their stages, as pruning leaves them.
pub fn pruned() -> SwinConfig {
    let widths = |heads, head_dim, hidden| Widths {
        heads,
        head_dim,
        hidden,
    };
    SwinConfig {
        image_size: [24, 24],
        patch_size: 2,
        embed_dim: 20,
        depths: vec![2, 3],
        heads: vec![2, 4],
        window_size: 3,
        classes: 7,
        widths: Some(PerBlock::Each(vec![
            vec![widths(1, 10, 33), widths(2, 7, 80)],
            vec![widths(3, 10, 1), widths(0, 10, 170), widths(5, 10, 0)],
        ])),
        ..SwinConfig::tiny()
    }
}
