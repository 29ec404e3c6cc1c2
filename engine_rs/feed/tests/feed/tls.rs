//! TLS with an authority of the test's own: right, wrong host, expired, unknown.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "real sockets take real time")]

use std::sync::Arc;

use market_feed::event::State;
use market_feed::feed::Feed;
use market_feed::net::client_config;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::venue::{Server, Watched, behave_well, config, serve};

pub struct Authority {
    pub certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

pub fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    Authority { certificate, issuer: Issuer::new(params, key) }
}

pub fn server(authority: &Authority, host: &str, last_year: i32) -> Server {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    server_with(certificate.der().clone(), key.serialize_der())
}

fn server_with(certificate: CertificateDer<'static>, key: Vec<u8>) -> Server {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                behave_well(stream).await;
            }
        }
    })
}

fn watch(port: u16, trusted: &Authority) -> Watched {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate.der().clone()).unwrap();
    let mut config = config(format!("wss://localhost:{port}/v2"), &[]);
    config.tls = Some(client_config(roots).unwrap());
    Watched { feed: Feed::start(config).unwrap(), events: Vec::new() }
}

#[test]
fn f19_a_certificate_of_a_trusted_authority_is_taken() {
    let authority = authority("trusted");
    let server = server(&authority, "localhost", 2200);
    let mut watched = watch(server.port, &authority);
    watched.until_live(1);
    watched.end();
}

#[test]
fn f19_any_other_is_refused_with_the_reason() {
    let trusted = authority("trusted");
    let unknown = authority("unknown");
    for (server, reason) in [
        (server(&trusted, "localhost", 2021), "xpired"),
        (server(&trusted, "example.org", 2200), "not valid for name"),
        (server(&unknown, "localhost", 2200), "UnknownIssuer"),
    ] {
        let mut watched = watch(server.port, &trusted);
        watched.until(reason, |watched| watched.told(State::Connecting, reason));
        assert_eq!(watched.lives(), 0);
        watched.end();
    }
}

#[test]
fn f19_a_certificate_that_vouches_for_itself() {
    let trusted = authority("trusted");
    let itself = authority("itself");
    let key = itself.issuer.key().serialize_der();
    let server = server_with(itself.certificate.der().clone(), key);
    let mut watched = watch(server.port, &trusted);
    watched.until("the reason", |watched| watched.told(State::Connecting, "TLS"));
    assert_eq!(watched.lives(), 0);
    watched.end();
}

#[test]
fn f19_a_server_that_speaks_tls_1_1_only() {
    // Its hello: version 1.1, no session, a suite of that time. Nothing here could go on from there, nor need it.
    let mut hello = vec![0x02, 0x00, 0x00, 0x26, 0x03, 0x02];
    hello.extend([7; 32]);
    hello.extend([0x00, 0xc0, 0x13, 0x00]);
    let mut record = vec![0x16, 0x03, 0x02, 0x00, hello.len() as u8];
    record.extend(hello);
    let server = serve(move |_, mut stream| {
        let record = record.clone();
        async move {
            let mut heard = [0; 4096];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(&record).await;
            let _ = stream.read(&mut heard).await;
        }
    });
    let mut watched = watch(server.port, &authority("trusted"));
    watched.until("the reason", |watched| watched.told(State::Connecting, "TLS: "));
    assert_eq!(watched.lives(), 0);
    watched.end();
}
