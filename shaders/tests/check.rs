//! The build-time checks themselves: each must refuse what it is there for.

#[path = "../check/mod.rs"]
mod check;

use std::collections::BTreeMap;

use check::cuda;
use check::inspect::{Floats, inspect};
use check::preprocess::{preprocess, strip};
use check::variants::{Variant, parse};

/// A shader that passes, with `body` in its entry point and `items` beside it.
fn shader(items: &str, body: &str) -> String {
    format!(
        "struct Params {{ first: u32, second: u32 }}
        @group(0) @binding(0) var<storage, read> weights: array<u32>;
        @group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;
        @group(0) @binding(2) var<uniform> p: Params;
        {items}
        @compute @workgroup_size(64)
        fn main(@builtin(local_invocation_index) local: u32) {{
            {body}
            arena[local] = vec4(weights[local] + p.first);
        }}"
    )
}

fn errors(items: &str, body: &str) -> String {
    match inspect(&shader(items, body), Floats::Refused) {
        Ok(_) => String::new(),
        Err(errors) => errors.join("\n"),
    }
}

#[test]
fn integers_pass() {
    let facts = inspect(&shader("", ""), Floats::Refused).unwrap();
    assert_eq!(
        (facts.workgroup_size, facts.workgroup_bytes),
        ([64, 1, 1], 0)
    );
    let body = "let a = dot4I8Packed(local, 7u); let b = bool(a); if (b) { return; }";
    assert_eq!(errors("const LIMIT = 5;", body), "");
}

/// The exemption is for floats alone.
#[test]
fn what_is_measured_against_may_have_floats() {
    let body = "let x = f32(local); if (x > f32(p.first)) { return; }";
    assert!(inspect(&shader("", body), Floats::Allowed).is_ok());
    assert!(inspect(&shader("", body), Floats::Refused).is_err());
    let other = shader("", body).replace("@binding(1)", "@binding(3)");
    assert!(inspect(&other, Floats::Allowed).is_err());
}

#[test]
fn any_float_is_refused() {
    let cases = [
        ("", "let x = f32(local); if (x > f32(p.first)) { return; }"),
        ("", "var x = 1.5; if (x > 2.0) { return; }"),
        ("", "let x = bitcast<f32>(local); if (x != x) { return; }"),
        (
            "",
            "let x = unpack4x8snorm(local); if (any(x != x)) { return; }",
        ),
        (
            "",
            "let x = pack4x8unorm(vec4(0.5)); if (x == local) { return; }",
        ),
        ("fn half(x: f32) -> f32 { return x; }", ""),
        (
            "struct Unused { x: vec2<f32> }\nvar<private> unused: Unused;",
            "",
        ),
        (
            "var<workgroup> shared_rows: array<f32, 4>;",
            "shared_rows[0] = f32(local);",
        ),
        ("const SCALE: f32 = 0.5;", ""),
        ("var<private> m: mat2x2<f32>;", ""),
    ];
    for (items, body) in cases {
        let errors = errors(items, body);
        assert!(
            errors.contains("no 32-bit integer"),
            "{items} {body}: {errors}"
        );
        assert!(errors.contains("line "), "{errors}");
    }
}

#[test]
fn optional_capabilities_are_refused() {
    assert_ne!(
        errors("", "let x = i64(local); if (x == 3) { return; }"),
        ""
    );
    assert_ne!(errors("enable f16;", ""), "");
    assert_ne!(errors("var<immediate> block: u32;", ""), "");
}

#[test]
fn limits_are_kept() {
    let items = "var<workgroup> rows: array<u32, 4097>;";
    let found = errors(items, "rows[local] = 0u;");
    assert!(found.contains("16388 bytes of workgroup memory"), "{found}");
    let large = shader("", "").replace("workgroup_size(64)", "workgroup_size(64, 5)");
    let found = inspect(&large, Floats::Refused).unwrap_err().join("\n");
    assert!(found.contains("320 invocations"), "{found}");
}

#[test]
fn bindings_are_those_of_all_kernels() {
    let facts = inspect(&shader("", ""), Floats::Refused).unwrap();
    assert_eq!(facts.fields, ["first", "second"]);
    let changes = [
        (
            "var<storage, read> weights",
            "var<storage, read_write> weights",
        ),
        ("var<storage, read_write> arena", "var<storage, read> arena"),
        ("arena: array<vec4<u32>>", "arena: array<vec2<u32>>"),
        ("weights: array<u32>", "weights: array<i32>"),
        ("@binding(1)", "@binding(3)"),
        ("second: u32", "second: i32"),
    ];
    for (from, to) in changes {
        let changed = shader("", "").replace(from, to);
        assert!(inspect(&changed, Floats::Refused).is_err(), "{to}");
    }
    let extra = "@group(0) @binding(3) var<storage, read> more: array<u32>;";
    assert!(errors(extra, "").contains("`more`"));
}

fn variant(symbols: &[(&str, Option<u32>)]) -> Variant {
    Variant {
        kernel: "kernel".into(),
        name: "name".into(),
        symbols: symbols
            .iter()
            .map(|&(name, value)| (name.to_string(), value))
            .collect(),
    }
}

#[test]
fn directives_expand() {
    let shared = BTreeMap::from([("more".to_string(), "more;".to_string())]);
    let source = "#import more\n#import more\n#ifdef A\n#for i N\n#for j 2\nx_{i}_{j};\n#endfor\n\
                  #endfor\n#else\nno;\n#endif\nend;";
    let with = preprocess(&variant(&[("A", None), ("N", Some(2))]), source, &shared).unwrap();
    let expected = "const N: u32 = 2u;\nmore;\nx_0_0;\nx_0_1;\nx_1_0;\nx_1_1;\nend;\n";
    assert_eq!(with, expected);
    let without = preprocess(&variant(&[]), source, &shared).unwrap();
    assert_eq!(without, "more;\nno;\nend;\n");
    assert_eq!(strip("  a; // why\n\n// all\nb;"), "a;\nb;\n");
}

#[test]
fn bad_directives_are_named() {
    let fail = |source| preprocess(&variant(&[]), source, &BTreeMap::new()).unwrap_err();
    assert!(fail("#import none").contains("`none`"));
    assert!(fail("#for i NONE\n#endfor").contains("NONE"));
    assert!(fail("#ifdef A\nx").contains("never closed"));
    assert!(fail("#endif").contains("#endif"));
}

#[test]
fn variants_are_listed() {
    let source = "// all\n#variant a: X Y=3\n#variant b:\nrest\n";
    let (found, rest) = parse("linear", source).unwrap();
    assert_eq!(rest, "// all\nrest\n");
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[0].symbols,
        [("X".into(), None), ("Y".into(), Some(3))]
    );
    let second = (found[1].kernel.as_str(), found[1].name.as_str());
    assert_eq!(second, ("linear", "b"));
    let (found, rest) = parse("add", "#pragma variant wide: THREADS=64\nint add;").unwrap();
    assert_eq!((found.len(), rest.as_str()), (1, "int add;\n"));
    for bad in [
        "#variant a X",
        "#variant a: X=y",
        "#variant a: X\n#variant a: Y",
    ] {
        let error = parse("linear", bad).unwrap_err();
        assert!(error.starts_with("linear, line"), "{bad}: {error}");
    }
    assert!(parse("linear", "rest").unwrap_err().contains("no variant"));
}

#[test]
fn cuda_sources_take_constants_parameters_and_each_file_once() {
    let variant = |constant| Variant {
        kernel: "add".into(),
        name: "wide".into(),
        symbols: vec![("THREADS".into(), constant)],
    };
    let shared = BTreeMap::from([
        (
            "a".to_string(),
            "#include \"shared/b.cuh\"\nint a;".to_string(),
        ),
        ("b".to_string(), "int b;".to_string()),
    ]);
    let source = "#include \"shared/a.cuh\"\n#include \"shared/b.cuh\"\nint add;";
    let expand = |constant, source| {
        let fields = ["x".to_string(), "out".to_string()];
        cuda::expand(&variant(constant), &fields, source, &shared)
    };
    assert_eq!(
        expand(Some(64), source).unwrap(),
        "constexpr unsigned THREADS = 64;\nstruct Params { unsigned x, out; };\nint b;\nint a;\nint add;\n"
    );
    assert!(expand(None, source).unwrap_err().contains("THREADS"));
    let missing = expand(Some(64), "#include \"shared/c.cuh\"").unwrap_err();
    assert!(missing.contains("no shared file `c`"), "{missing}");
    let system = expand(Some(64), "#include <cuda.h>").unwrap_err();
    assert!(system.contains("expected a file of shared/"), "{system}");
}
