//! What a whole process does: the variables it heeds, what it tells a venue about itself, and what is left of a feed
//! that has ended. Each test runs a second one, marked as ignored, in a process of its own.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "real sockets take real time")]
#![allow(clippy::result_large_err, reason = "what a handshake's callback gives is the library's type")]

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use market_feed::event::State;
use market_feed::feed::{Config, Feed, Subscription};
use tokio::io::AsyncReadExt;
use tokio::time::sleep;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use crate::tls;
use crate::venue::{Watched, behave_well, config, serve, subscribe, watch_url};

/// Runs the ignored test of that name with these variables set.
fn alone(test: &str, variables: &[(&str, String)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("process::{test}"), "--exact", "--ignored", "--nocapture"]);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{test}: {said}");
}

fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by the test that runs this one"))
}

#[test]
fn f19_roots_out_of_ssl_cert_file() {
    let authority = tls::authority("roots of a file");
    let file = std::env::temp_dir().join(format!("market_feed_{}_roots.pem", std::process::id()));
    std::fs::write(&file, authority.certificate.pem()).unwrap();
    let server = tls::server(&authority, "localhost", 2200);
    let url = format!("wss://localhost:{}/v2", server.port);
    alone("child_goes_live", &[("FEED_URL", url.clone()), ("SSL_CERT_FILE", file.display().to_string())]);
    // The same without the file: the machine's own roots do not know that authority.
    alone("child_is_refused", &[("FEED_URL", url)]);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn f20_proxy_variables_are_not_heeded() {
    let server = serve(|_, stream| behave_well(stream));
    let proxy = serve(|_, stream| async move { drop(stream) });
    let url = format!("ws://127.0.0.1:{}/v2", server.port);
    let nowhere = format!("http://127.0.0.1:{}", proxy.port);
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let mut variables: Vec<(&str, String)> = names.map(|name| (name, nowhere.clone())).into();
    variables.push(("FEED_URL", url));
    alone("child_goes_live", &variables);
    assert_eq!((server.connects(), proxy.connects()), (1, 0));
}

#[test]
#[ignore = "run by others"]
fn child_goes_live() {
    let mut watched = watch_url(given("FEED_URL"), &[]);
    watched.until_live(1);
    watched.end();
}

#[test]
#[ignore = "run by others"]
fn child_is_refused() {
    let mut watched = watch_url(given("FEED_URL"), &[]);
    watched.until("the reason", |watched| watched.told(State::Connecting, "UnknownIssuer"));
    assert_eq!(watched.lives(), 0);
    watched.end();
}

#[test]
fn no_key_is_read_and_nothing_secret_sent() {
    let heard: Arc<Mutex<String>> = Arc::default();
    let hears = Arc::clone(&heard);
    let server = serve(move |_, stream| {
        let hears = Arc::clone(&hears);
        async move {
            let head = |request: &Request, response: Response| {
                *hears.lock().unwrap() += &format!("{} {:?}\n", request.uri(), request.headers());
                Ok(response)
            };
            let Ok(mut socket) = accept_hdr_async(stream, head).await else { return };
            let _ = subscribe(&mut socket).await;
            while let Some(Ok(message)) = socket.next().await {
                *hears.lock().unwrap() += &format!("{message:?}\n");
            }
        }
    });
    let mut variables = vec![("FEED_URL", format!("ws://127.0.0.1:{}/v2", server.port))];
    for name in
        ["KRAKEN_API_KEY", "KRAKEN_API_SECRET", "API_KEY", "MARKET_SIM_KRAKEN_API_KEY", "COINBASE_API_SECRET"]
    {
        variables.push((name, "topsecret".to_owned()));
    }
    alone("child_goes_live", &variables);
    let heard = heard.lock().unwrap();
    assert!(heard.contains("websocket") || heard.contains("/v2"), "{heard}");
    for word in ["topsecret", "authorization", "signature", "api-key", "token"] {
        assert!(!heard.to_lowercase().contains(word), "{word}: {heard}");
    }
}

#[test]
fn f48_nothing_is_left_of_a_feed_that_has_ended_in_any_state() {
    alone("child_ends_in_every_state", &[]);
}

/// (descriptors, threads) of this process.
fn held() -> (usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).map(Iterator::count).unwrap_or(0);
    (count("/proc/self/fd"), count("/proc/self/task"))
}

fn binance(ws: u16, rest: u16) -> Config {
    let text = |text: &str| text.to_owned();
    let subscription = Subscription {
        venue: text("binance"),
        symbol: text("BTCUSDT"),
        tick: text("0.01"),
        lot: text("0.00000001"),
    };
    Config {
        subscriptions: vec![subscription],
        ws_urls: [(text("binance"), format!("ws://127.0.0.1:{ws}/stream"))].into(),
        rest_urls: [(text("binance"), format!("http://127.0.0.1:{rest}"))].into(),
        queue: 1024,
        ..Config::default()
    }
}

#[test]
#[ignore = "run by others"]
fn child_ends_in_every_state() {
    let silent = serve(|_, mut stream| async move {
        let mut request = [0; 2048];
        while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
    });
    let well = serve(|_, stream| behave_well(stream));
    let quiet = serve(|_, stream| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        let _ = subscribe(&mut socket).await;
        while let Some(Ok(_)) = socket.next().await {}
    });
    let wrong = serve(|_, stream| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        let _ = subscribe(&mut socket).await;
        let text = crate::venue::book("update", 1, "").replace("\"checksum\":", "\"checksum\":1,\"x\":");
        let _ = socket.send(text.into()).await;
        while let Some(Ok(_)) = socket.next().await {}
    });
    let diffs = serve(|_, stream| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        for id in 1u64.. {
            let text =
                format!(r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":{id},"u":{id},"b":[],"a":[]}}"#);
            if socket.send(text.into()).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    let deaf = serve(|_, stream| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        while let Some(Ok(_)) = socket.next().await {}
    });
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let kraken = |port: u16, set: &[(&str, u64)]| config(format!("ws://127.0.0.1:{port}/v2"), set);
    // What brings a feed into each state, and a part of the reason that shows it is there.
    let slow = [("backoff_base_ms", 30_000)];
    let once = [("ack_timeout_ms", 50), ("attempts", 1)];
    let cases: [(&str, Config, State, &str); 9] = [
        ("dialling and waiting for the next try", kraken(nobody, &slow), State::Connecting, "cannot connect"),
        ("waiting for a handshake", kraken(silent.port, &[]), State::Connecting, ""),
        ("subscribed, unheard", kraken(deaf.port, &[]), State::Syncing, "subscribed"),
        ("waiting for a snapshot by REST", binance(diffs.port, silent.port), State::Syncing, "subscribed"),
        ("live", kraken(well.port, &[]), State::Live, ""),
        ("stale", kraken(quiet.port, &[("data_timeout_ms", 50)]), State::Stale, "no data"),
        ("resyncing", kraken(wrong.port, &[]), State::Resyncing, "checksum"),
        ("failed", kraken(deaf.port, &once), State::Failed, "no acknowledgement"),
        ("refused again and again", kraken(nobody, &[("backoff_base_ms", 1)]), State::Connecting, "cannot"),
    ];
    let mut first = None;
    for round in 0..4 {
        for (name, config, state, reason) in &cases {
            let mut watched = Watched { feed: Feed::start(config.clone()).unwrap(), events: Vec::new() };
            watched.until(name, |watched| watched.told(*state, reason));
            if *name == "waiting for a snapshot by REST" {
                let asked = |watched: &Watched| watched.stats().connections.snapshots_asked > 0;
                watched.until("the request", asked);
            }
            // Within a second, whatever it was doing: `end` measures it.
            watched.end();
        }
        // The servers' own sockets go a moment after the feed's.
        if first.is_none() {
            sleep_here(500);
        }
        let baseline = *first.get_or_insert_with(held);
        for _ in 0..200 {
            if held().0 <= baseline.0 && held().1 <= baseline.1 {
                break;
            }
            sleep_here(20);
        }
        let now = held();
        assert!(
            now.0 <= baseline.0 && now.1 <= baseline.1,
            "round {round}: {now:?} is more than {baseline:?}"
        );
    }
}

fn sleep_here(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
