// Words of a head's query, key and value. With SPREAD for adapters without packed products: a query is
// unpacked once for all keys.
#ifdef SPREAD
#import bytes

fn query_word(word: u32) -> vec4<i32> {
    return bytes(word);
}

fn query_key(query: vec4<i32>, key: u32) -> i32 {
    return dot(query, bytes(key));
}

fn value_word(word: u32) -> vec4<i32> {
    return bytes(word);
}
#else
fn query_word(word: u32) -> u32 {
    return word;
}

fn query_key(query: u32, key: u32) -> i32 {
    return dot8(query, key);
}

fn value_word(word: u32) -> vec4<i32> {
    return unpack8(word);
}
#endif
