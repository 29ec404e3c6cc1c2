//! Sockets: TCP with or without TLS, the WebSocket handshake, and GET. What fails is told in a sentence.
//!
//! Proxy variables of the environment are not read: a proxy is reached by setting the venue's URL.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, http};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::event::Nanos;

/// Waiting time after 429 and 418 where the venue names none.
const DEFAULT_RETRY_AFTER: Nanos = 30_000_000_000;
/// An address of a host gets at least so long before the next is tried.
const LEAST_A_ADDRESS: Duration = Duration::from_millis(250);

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub type Socket = WebSocketStream<Box<dyn Stream>>;

/// Why something did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub why: String,
    /// The venue's own wish when to come back.
    pub retry_after: Option<Nanos>,
    /// The request itself is wrong: asking again will not help.
    pub refused: bool,
}

impl Failure {
    fn new(why: impl ToString) -> Self {
        Self { why: why.to_string(), retry_after: None, refused: false }
    }

    fn status(status: StatusCode, headers: &http::HeaderMap, body: &str) -> Self {
        let wish =
            headers.get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse::<u32>().ok());
        let busy = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::IM_A_TEAPOT;
        let wish = wish.map(|seconds| Nanos::from(seconds) * 1_000_000_000);
        let text: String = body.chars().filter(|c| !c.is_control()).take(120).collect();
        let colon = if text.is_empty() { "" } else { ": " };
        Self {
            why: format!("the venue answers {status}{colon}{text}"),
            retry_after: wish.or(busy.then_some(DEFAULT_RETRY_AFTER)),
            refused: matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND),
        }
    }
}

/// An address to connect to. Its text never shows a user, a password or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    tls: bool,
}

impl Url {
    /// `ws`, `wss`, `http` or `https`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("not a URL ({error})"))?;
        let tls = match uri.scheme_str() {
            Some("ws" | "http") => false,
            Some("wss" | "https") => true,
            _ => return Err("a URL begins with ws://, wss://, http:// or https://".to_owned()),
        };
        if uri.host().is_none_or(str::is_empty) {
            return Err("the URL names no host".to_owned());
        }
        Ok(Self { uri, tls })
    }

    /// The same host and port with another path and query, for GET.
    pub fn with_path(&self, path: &str) -> Result<Self, String> {
        let authority = self.uri.authority().map_or("", http::uri::Authority::as_str);
        let scheme = if self.tls { "https" } else { "http" };
        Self::parse(&format!("{scheme}://{authority}{path}"))
    }

    pub fn path(&self) -> &str {
        self.uri.path()
    }

    fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.tls { 443 } else { 80 })
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host(), self.port())
    }
}

/// TLS with the machine's own roots, or those of SSL_CERT_FILE. Loaded once a process.
fn tls_config() -> Result<Arc<ClientConfig>, Failure> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(load_roots).clone().map_err(Failure::new)
}

fn load_roots() -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let loaded = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(loaded.certs);
    if roots.is_empty() {
        let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
        return Err(format!(
            "no root certificate can be read ({}); install the system's or set SSL_CERT_FILE",
            errors.join("; ")
        ));
    }
    client_config(roots)
}

/// The ring provider is named here, so that nothing depends on which one a process has installed.
pub fn client_config(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

async fn tcp(url: &Url, within: Duration) -> Result<TcpStream, Failure> {
    let found = tokio::net::lookup_host((url.host(), url.port())).await;
    let addresses: Vec<_> =
        found.map_err(|error| Failure::new(format!("{url}: no address ({error})")))?.collect();
    first_that_answers(&addresses, within)
        .await
        .map_err(|last| Failure::new(format!("{url}: cannot connect ({last})")))
}

/// A connection to the first address that takes one, each in its turn; what the last one said where none does.
async fn first_that_answers(addresses: &[SocketAddr], within: Duration) -> Result<TcpStream, String> {
    let each = (within / addresses.len().max(1) as u32).max(LEAST_A_ADDRESS);
    let mut last = "the name has no address".to_owned();
    for address in addresses {
        match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small messages now rather than full packets later.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = "no answer".to_owned(),
        }
    }
    Err(last)
}

async fn stream(
    url: &Url,
    tls: Option<Arc<ClientConfig>>,
    within: Duration,
) -> Result<Box<dyn Stream>, Failure> {
    let tcp = tcp(url, within).await?;
    if !url.tls {
        return Ok(Box::new(tcp));
    }
    let config = tls.map_or_else(tls_config, Ok)?;
    let name = ServerName::try_from(url.host().to_owned())
        .map_err(|error| Failure::new(format!("{url}: {error}")))?;
    let connected = TlsConnector::from(config).connect(name, tcp).await;
    connected
        .map(|tls| Box::new(tls) as Box<dyn Stream>)
        .map_err(|error| Failure::new(format!("{url}: TLS: {error}")))
}

/// Opens a WebSocket. `tls`: other roots than the machine's.
pub async fn open(
    url: &Url,
    tls: Option<Arc<ClientConfig>>,
    within: Duration,
    most_bytes: usize,
) -> Result<Socket, Failure> {
    let opening = async {
        let stream = stream(url, tls, within).await?;
        let request =
            url.uri.clone().into_client_request().map_err(|error| Failure::new(format!("{url}: {error}")))?;
        let config =
            WebSocketConfig::default().max_message_size(Some(most_bytes)).max_frame_size(Some(most_bytes));
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(WsError::Http(answer)) => Err(Failure::status(answer.status(), answer.headers(), "")),
            Err(error) => Err(Failure::new(format!("{url}: handshake: {error}"))),
        }
    };
    timeout(within, opening).await.unwrap_or_else(|_| {
        Err(Failure::new(format!("{url}: no handshake within {} ms", within.as_millis())))
    })
}

/// GET; the body as text.
pub async fn get(
    url: &Url,
    tls: Option<Arc<ClientConfig>>,
    within: Duration,
    most_bytes: usize,
) -> Result<String, Failure> {
    let late = || Failure::new(format!("{url}: no answer within {} ms", within.as_millis()));
    timeout(within, ask(url, tls, within, most_bytes)).await.unwrap_or_else(|_| Err(late()))
}

async fn ask(
    url: &Url,
    tls: Option<Arc<ClientConfig>>,
    within: Duration,
    most_bytes: usize,
) -> Result<String, Failure> {
    let failure = |what: &str, error: &dyn std::fmt::Display| Failure::new(format!("{url}: {what}: {error}"));
    let stream = stream(url, tls, within).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failure("HTTP", &error))?;
    let path = url.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let request = Request::get(path)
        .header("host", url.uri.authority().map_or("", |authority| host_of(authority.as_str())))
        .header("user-agent", concat!("market_sim/", env!("CARGO_PKG_VERSION")))
        .header("accept", "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|error| failure("request", &error))?;
    let asking = async {
        let answer = sender.send_request(request).await.map_err(|error| failure("HTTP", &error))?;
        let (parts, body) = answer.into_parts();
        let body =
            Limited::new(body, most_bytes).collect().await.map_err(|error| failure("answer", &error))?;
        let body = String::from_utf8(body.to_bytes().into()).map_err(|error| failure("answer", &error))?;
        match parts.status {
            StatusCode::OK => Ok(body),
            status => Err(Failure::status(status, &parts.headers, &body)),
        }
    };
    // The connection is driven beside the request; its end before the answer shows in the answer.
    tokio::pin!(asking);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answer = &mut asking => answer,
        _ = &mut connection => asking.await,
    }
}

/// Host and port without a user and a password.
fn host_of(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_show_no_credentials() {
        let url = Url::parse("wss://user:secret@example.org/path?token=secret").unwrap();
        assert_eq!(url.to_string(), "example.org:443");
        assert_eq!(url.with_path("/x?y=1").unwrap().uri.path_and_query().unwrap().as_str(), "/x?y=1");
        assert_eq!(host_of("user:secret@example.org:8443"), "example.org:8443");
        assert_eq!(Url::parse("ws://[::1]:9001/v2").unwrap().host(), "::1");
        for wrong in ["", "example.org", "ftp://example.org", "ws://", "ws:// /"] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_that_refuse_or_never_answer_are_passed_over() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let alive = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let alive = alive.local_addr().map(|at| (at, alive)).unwrap();
            let refuses = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            // A full queue of connections that nobody takes: the next attempt is never answered.
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let full = socket.listen(1).unwrap();
            let silent = full.local_addr().unwrap();
            let mut waiting = Vec::new();
            while let Ok(Ok(one)) = timeout(Duration::from_millis(100), TcpStream::connect(silent)).await {
                waiting.push(one);
            }
            let within = Duration::from_millis(900);
            for addresses in [[refuses, alive.0], [silent, alive.0]] {
                let stream = first_that_answers(&addresses, within).await.unwrap();
                assert_eq!(stream.peer_addr().unwrap(), alive.0);
            }
            let none = first_that_answers(&[refuses, silent], within).await;
            assert_eq!(none.unwrap_err(), "no answer");
            assert_eq!(first_that_answers(&[], within).await.unwrap_err(), "the name has no address");
        });
    }

    #[test]
    fn a_venue_that_is_busy_says_when_to_come_back() {
        let mut headers = http::HeaderMap::new();
        let wait = |headers: &http::HeaderMap, code: u16| {
            Failure::status(StatusCode::from_u16(code).unwrap(), headers, "").retry_after
        };
        assert_eq!((wait(&headers, 418), wait(&headers, 503)), (Some(DEFAULT_RETRY_AFTER), None));
        headers.insert("retry-after", "7".parse().unwrap());
        assert_eq!((wait(&headers, 429), wait(&headers, 503)), (Some(7_000_000_000), Some(7_000_000_000)));
        headers.insert("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT".parse().unwrap());
        assert_eq!((wait(&headers, 429), wait(&headers, 503)), (Some(DEFAULT_RETRY_AFTER), None));
    }
}
