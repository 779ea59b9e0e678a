//! `https`: a server is believed only with a certificate that the client trusts.

use pts_client::{Client, ClientError, ClientOptions};

#[tokio::test]
async fn roots_are_read_from_a_file_that_has_some() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let path = std::env::temp_dir().join(format!("pts-client-roots-{}.pem", std::process::id()));
    let client = |content: &str| {
        std::fs::write(&path, content).unwrap();
        let mut options = ClientOptions::new("https://localhost:1", "t").unwrap();
        options.root_certificates = Some(path.clone());
        Client::new(options)
    };
    assert!(client(&made.cert.pem()).is_ok());
    for none in ["", "nonsense"] {
        let error = client(none).unwrap_err();
        assert!(matches!(error, ClientError::Options(_)), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
}
