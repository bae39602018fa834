//! What the store committed.

use super::super::sample::*;
use super::{Case, rewound};
use crate::evidence::*;

pub(in super::super) const COMMITS: &[Case] = &[
    ("a store that does not tell", |e| e.commits.clear(), &[]),
    ("a cursor that jumps", |e| moved(e, 5).from.0 = 7, &["cursor_jump"]),
    ("a cursor behind something else", |e| moved(e, 5).from.1 = [9; 32], &["cursor_jump"]),
    (
        "a cursor that goes back",
        |e| {
            moved(e, 5).to.0 = 7;
            e.commits.push(step(23, 23, Some((5, 7, 9))));
            moved(e, 6).from.1 = [9; 32];
        },
        &["cursor_back"],
    ),
    (
        "a cursor over what is published that goes back",
        |e| {
            let source = || "publish:main:t/0".to_string();
            e.commits.push(Committed::Claim { source: source(), claim: 9 });
            e.commits.push(step(23, 23, Some((9, 8, 2))));
            moved(e, 7).source = source();
        },
        &[],
    ),
    ("a cursor that begins somewhere", |e| moved(e, 2).from.0 = 3, &[]),
    ("an elder claim", |e| moved(e, 5).claim = 7, &["elder_claim"]),
    ("a claim of nobody", |e| moved(e, 2).claim = 6, &["elder_claim"]),
    (
        "a claim of another source",
        |e| {
            let Committed::Claim { source, .. } = &mut e.commits[3] else { return };
            source.push('1');
        },
        &["elder_claim"],
    ),
    ("a hole between steps", |e| e.commits[4] = step(15, 23, None), &["step_gap"]),
    ("steps that overlap", |e| e.commits[4] = step(13, 23, None), &["step_gap"]),
    ("a log that does not begin", |e| e.commits[0] = step(2, 12, None), &["step_gap"]),
    (
        "a step backwards",
        |e| {
            e.commits[5] = step(23, 22, Some((5, 8, 9)));
            e.commits.push(step(22, 23, None));
        },
        &["step_gap"],
    ),
    (
        "a step of another ledger",
        |e| {
            let Committed::Step { ledger, .. } = &mut e.commits[4] else { return };
            *ledger = 4;
        },
        &["step_gap"],
    ),
    (
        "a step that is not there",
        |e| {
            e.commits.remove(5);
        },
        &["end_differs"],
    ),
    (
        "a log beyond its steps",
        |e| {
            e.commits[4] = step(14, 22, None);
            e.commits[5] = step(22, 22, Some((5, 8, 9)));
        },
        &["end_differs"],
    ),
    (
        "rewound, and done again",
        |e| {
            e.commits.push(rewound(3));
            e.commits.push(claim(8));
            e.commits.push(step(14, 23, Some((8, 8, 9))));
        },
        &[],
    ),
    (
        "rewound to before a claim",
        |e| {
            e.commits.push(rewound(3));
            e.commits.push(step(14, 23, Some((7, 8, 9))));
        },
        &[],
    ),
    (
        "rewound, and gone on as if not",
        |e| {
            e.commits.push(rewound(4));
            e.commits.push(step(23, 23, Some((5, 9, 9))));
        },
        &["cursor_jump", "step_gap"],
    ),
    (
        "rewound, under a claim that was lost",
        |e| {
            e.commits.push(rewound(3));
            e.commits.push(step(14, 23, Some((5, 8, 9))));
        },
        &["elder_claim"],
    ),
    (
        "rewound to within what was rewound",
        |e| {
            e.commits.truncate(4);
            e.commits.extend([
                rewound(2),
                claim(9),
                step(12, 14, Some((9, 0, 8))),
                rewound(6),
                step(12, 23, Some((9, 0, 9))),
            ]);
        },
        &[],
    ),
    (
        "rewound to what was not yet",
        |e| {
            e.commits.push(rewound(9));
        },
        &["rewind_ahead"],
    ),
];

fn moved(e: &mut Evidence, at: usize) -> &mut Moved {
    match &mut e.commits[at] {
        Committed::Step { moved: Some(moved), .. } => moved,
        _ => panic!("commit {at} moves nothing"),
    }
}
