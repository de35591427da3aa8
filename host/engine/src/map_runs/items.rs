//! Items from volumes: what `ItemReader` means on this host, where a bucket is a volume.

use asl::items::{ItemFormat, ItemLimits, list};
use asl::{EventKind, ItemsRead};
use auth::capability::Access;
use auth::names::Digest;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Family;
use super::access::{Failed, Wanted, required, wanted_still};
use crate::Error;
use crate::shared::Shared;

/// What a map run fails with when its items cannot be read.
const READER_FAILED: &str = "States.ItemReaderFailed";

impl Shared {
    /// Reads the items of a map run under the role of its state machine, unless `cancelled`.
    pub(crate) async fn read_items(
        &self,
        family: &Family,
        read: ItemsRead,
        cancelled: &CancellationToken,
    ) -> Option<EventKind> {
        let effect = read.effect;
        match self.items(family, &read, cancelled).await {
            Ok(items) => Some(EventKind::ItemsRead { effect, items }),
            Err(failed) => failed.into_event(effect, READER_FAILED),
        }
    }

    async fn items(
        &self,
        family: &Family,
        read: &ItemsRead,
        cancelled: &CancellationToken,
    ) -> Result<Vec<Value>, Failed> {
        wanted_still(cancelled)?;
        let limits = ItemLimits {
            items_max: self.config.items_max,
            bytes_max: self.config.items_bytes_max,
            wanted: read.max_items,
        };
        let arguments = read.arguments.value();
        let place = (family, read.state.as_str());
        match integration(&read.resource) {
            Some("s3:getObject") => {
                let format = ItemFormat::parse(read.config.value())?;
                let key = required(arguments, "Key")?.to_owned();
                let wanted = Wanted::new(place, arguments, key, Access::Read)?;
                self.items_of_file(&wanted, (format, limits), cancelled)
                    .await
            }
            Some("s3:listObjectsV2") => {
                let prefix = match arguments.get("Prefix") {
                    None | Some(Value::Null) => String::new(),
                    Some(_) => required(arguments, "Prefix")?.to_owned(),
                };
                let wanted = Wanted::new(place, arguments, prefix, Access::Read)?;
                self.items_of_folder(&wanted, limits).await
            }
            Some(_) | None => {
                let resource: String = read.resource.chars().take(200).collect();
                let cause = format!(
                    "`{resource}` is no reader of this host, which has arn:aws:states:::s3:getObject and arn:aws:states:::s3:listObjectsV2"
                );
                Err(Failed::Cause(cause))
            }
        }
    }

    async fn items_of_file(
        &self,
        wanted: &Wanted<'_>,
        (format, limits): (ItemFormat, ItemLimits),
        cancelled: &CancellationToken,
    ) -> Result<Vec<Value>, Failed> {
        // A file is many times its size once it is items; few are in memory at once.
        let turn = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Err(Failed::Cancelled),
            turn = self.reading() => turn?,
        };
        self.allow(wanted).await?;
        wanted_still(cancelled)?;
        let bytes_max = self.config.item_file_bytes_max;
        let volumes = &self.ports.volumes;
        let content = match volumes.read(&wanted.volume, &wanted.path, bytes_max).await {
            Ok(content) => content,
            Err(error) => return Err(self.volume_failed(wanted, error).await),
        };
        let bytes = content.len();
        wanted_still(cancelled)?;
        // Reading a large file takes long enough to be in other tasks' way.
        let read = tokio::task::spawn_blocking(move || {
            let digest = Digest::of(&content);
            let items = format.items(&content, limits);
            drop(turn);
            (digest, items)
        });
        let (digest, items) = read.await.map_err(Error::host)?;
        self.tell(wanted, json!({"bytes": bytes, "digest": digest}))
            .await?;
        Ok(items?)
    }

    async fn items_of_folder(
        &self,
        wanted: &Wanted<'_>,
        limits: ItemLimits,
    ) -> Result<Vec<Value>, Failed> {
        self.allow(wanted).await?;
        let volumes = &self.ports.volumes;
        let listed = volumes.list(&wanted.volume, &wanted.path, limits.items_max);
        let files = match listed.await {
            Ok(files) => files,
            Err(error) => return Err(self.volume_failed(wanted, error).await),
        };
        self.tell(wanted, json!({"files": files.len()})).await?;
        Ok(list(files, limits)?)
    }
}

/// `s3:getObject` of `arn:aws:states:::s3:getObject`.
pub(crate) fn integration(resource: &str) -> Option<&str> {
    let (partition, integration) = resource.strip_prefix("arn:")?.split_once(":states:::")?;
    (!partition.contains(':')).then_some(integration)
}
