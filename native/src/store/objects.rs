//! Files in an object store.

use std::{fs, path::Path as FilePath, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use object_store::{
    ClientConfigKey, ObjectStore, ObjectStoreExt, ObjectStoreScheme, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    local::LocalFileSystem,
    path::Path,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// Tries after the first of a request that fails.
const RETRIES: usize = 4;

/// How long a request is tried.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a request may take, whatever a line carries: a log has hundreds of megabytes at most.
const TIMEOUT: (ClientConfigKey, &str) = (ClientConfigKey::Timeout, "10 minutes");

/// What a URL names.
pub struct Objects {
    url: String,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    runtime: Runtime,
    /// Copies of what was fetched.
    copies: TempDir,
}

impl Objects {
    /// What `url` names.
    pub fn open(url: &str) -> Result<Self> {
        let named = || url.to_owned();
        let parsed = Url::parse(url).with_context(named)?;
        let (scheme, prefix) = ObjectStoreScheme::parse(&parsed)
            .with_context(|| format!("expected file://, s3://, gs:// or az://, found {url}"))?;
        let retry = RetryConfig {
            max_retries: RETRIES,
            retry_timeout: PATIENCE,
            ..RetryConfig::default()
        };
        // The first provider that is installed stays; there is no other one here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (key, time) = TIMEOUT;
        let store: Arc<dyn ObjectStore> = match scheme {
            ObjectStoreScheme::Local => Arc::new(LocalFileSystem::new()),
            ObjectStoreScheme::AmazonS3 => {
                let builder = AmazonS3Builder::from_env().with_url(url);
                let builder = builder.with_config(AmazonS3ConfigKey::Client(key), time);
                Arc::new(builder.with_retry(retry).build().with_context(named)?)
            }
            ObjectStoreScheme::GoogleCloudStorage => {
                let builder = GoogleCloudStorageBuilder::from_env().with_url(url);
                let builder = builder.with_config(GoogleConfigKey::Client(key), time);
                Arc::new(builder.with_retry(retry).build().with_context(named)?)
            }
            ObjectStoreScheme::MicrosoftAzure => {
                let builder = MicrosoftAzureBuilder::from_env().with_url(url);
                let builder = builder.with_config(AzureConfigKey::Client(key), time);
                Arc::new(builder.with_retry(retry).build().with_context(named)?)
            }
            _ => bail!("expected file://, s3://, gs:// or az://, found {url}"),
        };
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            store,
            prefix,
            runtime: Builder::new_current_thread().enable_all().build()?,
            copies: tempfile::tempdir()?,
        })
    }

    /// What the file `name` is called for people.
    pub fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    /// Names of the files, sorted.
    pub fn names(&self) -> Result<Vec<String>> {
        let listed = self.store.list_with_delimiter(Some(&self.prefix));
        let listed = self.runtime.block_on(listed);
        let listed = listed.with_context(|| self.url.clone())?;
        let names = listed
            .objects
            .iter()
            .filter_map(|found| found.location.filename());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    /// A copy of the file `name`, if it is there.
    pub fn fetch(&self, name: &str) -> Result<Option<PathBuf>> {
        let path = self.path(name);
        let fetched = self.runtime.block_on(async {
            let found = self.store.get(&path).await?;
            let whole = found.meta.size;
            Ok((found.bytes().await?, whole))
        });
        let (bytes, whole) = match fetched {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            fetched => fetched.with_context(|| self.shown(name))?,
        };
        if bytes.len() as u64 != whole {
            bail!(
                "{}: expected {whole} bytes, found {}",
                self.shown(name),
                bytes.len()
            );
        }
        let copy = self.copies.path().join(name);
        fs::write(&copy, bytes).with_context(|| copy.display().to_string())?;
        Ok(Some(copy))
    }

    /// Sends the file `name`, which `write` writes to a path beside.
    pub fn keep(&self, name: &str, write: impl FnOnce(&FilePath) -> Result<()>) -> Result<()> {
        let copy = self.copies.path().join(name);
        write(&copy)?;
        let bytes = fs::read(&copy).with_context(|| copy.display().to_string())?;
        let path = self.path(name);
        let sent = self.store.put(&path, bytes.into());
        self.runtime
            .block_on(sent)
            .with_context(|| self.shown(name))?;
        Ok(())
    }
}
