//! Launches.

use intformer_cuda_emulator::{Device, Grid, Kind};

use super::common::{run_blocks, words};

#[test]
fn launches_that_do_not_fit() {
    let input = words(2048, 1);
    let large = Grid {
        threads: [41, 25, 1],
        ..Grid::new(1, 1, 0)
    };
    let fault = run_blocks(&Device::default(), large, "", &input).unwrap_err();
    assert_eq!(fault.kind, Kind::Configuration);
    assert!(
        fault.message.contains("up to 1024 threads, not 1025"),
        "{fault}"
    );
    run_blocks(&Device::default(), Grid::new(1, 1024, 0), "", &input).unwrap();
    // By axis: what is too much along one of them, and what is just not.
    let launch = |blocks: [u32; 3], threads: [u32; 3]| {
        let grid = Grid {
            blocks,
            threads,
            shared: 0,
        };
        run_blocks(&Device::default(), grid, "exit;", &input)
    };
    let one = [1; 3];
    let refused = [
        ("grid", [1 << 31, 1, 1], one),
        ("grid", [1, 65_536, 1], one),
        ("grid", [1, 1, 65_536], one),
        ("grid", [1, 0, 1], one),
        ("block", one, [1, 1, 65]),
        ("block", one, [1, 0, 1]),
        ("block", one, [1025, 1, 1]),
    ];
    for (what, blocks, threads) in refused {
        let fault = launch(blocks, threads).unwrap_err();
        assert_eq!(fault.kind, Kind::Configuration);
        let says = format!("kernel test: a {what} has from 1 to");
        assert!(fault.message.starts_with(&says), "{fault}");
    }
    for (blocks, threads) in [
        ([1, 65_535, 1], one),
        (one, [1, 16, 64]),
        (one, [1, 1024, 1]),
    ] {
        launch(blocks, threads).unwrap();
    }
}
