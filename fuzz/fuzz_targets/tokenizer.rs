//! Any bytes as a tokenizer of a model, and any text: a refusal or tokens that the model has, never a panic.
#![no_main]

use intformer::{Tokenization, Tokenizer, plan::TokenLimits};

const LIMITS: TokenLimits = TokenLimits {
    vocabulary: 1000,
    positions: 32,
    segments: 2,
};

libfuzzer_sys::fuzz_target!(init: {
    // The library's panics are refusals: only ours are to be found.
    std::panic::set_hook(Box::new(|_| ()));
}, |bytes: &[u8]| {
    let json = bytes.to_vec();
    let Ok(tokenizer) = Tokenizer::new(&Tokenization { json, limit: 32 }, LIMITS) else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    for text in ["", "Hello, worlds!", "\u{1f600} e\u{301} \u{0} \u{202e}", &text] {
        if let Ok(encoded) = tokenizer.encode(text) {
            let found = LIMITS.check(0, &encoded.tokens);
            let holds = found.is_ok() && encoded.tokens.len() <= encoded.whole;
            assert!(holds || encoded.tokens.is_empty(), "{encoded:?}");
        }
        for window in tokenizer.windows(text).into_iter().flatten() {
            LIMITS.check(0, &window).expect("tokens that the model has");
        }
    }
});
