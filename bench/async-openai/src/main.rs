//! async-openai in one scenario, in a separate process: `bench-async-openai SCENARIO URL`. It sends the same request to the same
//! path as the other peers, by `create_byot` ("bring your own types").

#[path = "../../src/scenarios.rs"]
mod scenarios;

use async_openai::Client;
use async_openai::config::{Config, OpenAIConfig};

use scenarios::{API_KEY, AnyError, Peer, Request, Response, TIMEOUT};

fn main() -> Result<(), AnyError> {
    let mut arguments = std::env::args().skip(1);
    let (scenario, url) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    scenarios::run(&scenario, |prompt| {
        rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is installed already")?;
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let config = KitsPath(OpenAIConfig::new().with_api_key(API_KEY).with_api_base(url));
        Ok(AsyncOpenAI { client: Client::with_config(config).with_http_client(http), prompt })
    })
}

struct AsyncOpenAI {
    client: Client<KitsPath>,
    prompt: String,
}

impl Peer for AsyncOpenAI {
    async fn call(&self) -> Result<u64, AnyError> {
        let response: Response = self.client.chat().create_byot(Request::new(&self.prompt)).await?;
        Ok(response.usage.total_tokens)
    }
}

/// OpenAI's configuration with the path of this service.
#[derive(Debug, Clone)]
struct KitsPath(OpenAIConfig);

impl Config for KitsPath {
    fn headers(&self) -> reqwest::header::HeaderMap {
        self.0.headers()
    }

    fn url(&self, _: &str) -> String {
        self.0.url("/kits/run")
    }

    fn query(&self) -> Vec<(&str, &str)> {
        self.0.query()
    }

    fn api_base(&self) -> &str {
        self.0.api_base()
    }

    fn api_key(&self) -> &secrecy::SecretString {
        self.0.api_key()
    }
}
