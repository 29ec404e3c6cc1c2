//! Notices as tuples: the code of the kind, the time, the agent, then what the kind has to say.

use market_core::kernel::{News, Notice, NoticeKind};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::rows::touch;

const fn code(kind: NoticeKind) -> u8 {
    kind.code()
}

pub fn tuple<'py>(py: Python<'py>, notice: &Notice) -> PyResult<Bound<'py, PyTuple>> {
    let Notice { time_ns: time, agent, news } = notice;
    match news {
        News::Wake => (code(NoticeKind::Wake), time, agent).into_pyobject(py),
        News::Quote { listing, bbo, update_no, published_ns } => {
            let (bid, bid_lots, ask, ask_lots) = touch(*bbo);
            let kind = code(NoticeKind::Quote);
            (kind, time, agent, listing, bid, bid_lots, ask, ask_lots, update_no, published_ns)
                .into_pyobject(py)
        }
        News::Trade { listing, print } => {
            let (kind, aggressor) = (code(NoticeKind::Trade), print.aggressor.code());
            let (price, size, match_id, traded_ns) =
                (print.price, print.size, print.match_id, print.traded_ns);
            (kind, time, agent, listing, price, size, aggressor, match_id, traded_ns).into_pyobject(py)
        }
        News::Book { listing } => (code(NoticeKind::Book), time, agent, listing).into_pyobject(py),
        News::Report(row) => PyTuple::new(
            py,
            [
                i64::from(code(NoticeKind::Report)),
                *time,
                i64::from(*agent),
                i64::from(row.listing),
                i64::from(row.kind.code()),
                i64::from(row.reason),
                i64::from(row.counter),
                i64::from(row.side.code()),
                row.price,
                row.size,
                row.leaves,
                row.fee,
                i64::from(row.flags),
                row.match_id as i64,
                row.time_ns,
            ],
        ),
        News::Phase { venue, phase, listing: None } => {
            (code(NoticeKind::Phase), time, agent, venue, phase.code()).into_pyobject(py)
        }
        News::Phase { venue, phase, listing: Some(listing) } => {
            (code(NoticeKind::Phase), time, agent, venue, phase.code(), listing).into_pyobject(py)
        }
        News::Consolidated { instrument } => {
            (code(NoticeKind::Consolidated), time, agent, instrument).into_pyobject(py)
        }
    }
}
