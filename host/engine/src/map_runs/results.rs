//! Results to volumes: what `ResultWriter` means on this host, where a bucket is a volume.
//!
//! Owns which files a map run's results become. Their names depend on the run alone, so that
//! writing them again after a crash puts each in its own place; the manifest comes last.

use std::collections::BTreeMap;

use asl::items::{ChildResult, ResultFiles, ResultFormat, ResultText};
use asl::{EventKind, ExecutionId, MapRunChild, Payload, ResultsWrite, Status};
use auth::capability::Access;
use auth::names::Digest;
use bytes::Bytes;
use ports::{Description, ExecutionFilter};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Family;
use super::access::{Failed, Wanted, required, wanted_still};
use super::items::integration;
use crate::shared::Shared;

/// What a map run fails with when its results cannot be written.
const WRITER_FAILED: &str = "States.ResultWriterFailed";
/// A file of results is ended once it has so many bytes; so many are held in memory.
const RESULT_FILE_BYTES: usize = 16 << 20;
/// Children listed per call.
const PAGE: usize = 256;

/// The files of one map run, growing.
struct Files {
    folder: String,
    format: ResultFormat,
    succeeded: ResultText,
    failed: ResultText,
    written: ResultFiles,
}

impl Shared {
    /// Writes the results of a map run under the role of its state machine, up to the file that
    /// is under way once `cancelled`.
    pub(crate) async fn write_results(
        &self,
        family: &Family,
        write: ResultsWrite,
        cancelled: &CancellationToken,
    ) -> Option<EventKind> {
        let effect = write.effect;
        match self.results(family, &write, cancelled).await {
            Ok(details) => Some(EventKind::ResultsWritten { effect, details }),
            Err(failed) => failed.into_event(effect, WRITER_FAILED),
        }
    }

    async fn results(
        &self,
        family: &Family,
        write: &ResultsWrite,
        cancelled: &CancellationToken,
    ) -> Result<Value, Failed> {
        let resource = write.resource.as_deref().unwrap_or_default();
        if integration(resource) != Some("s3:putObject") {
            let resource: String = resource.chars().take(200).collect();
            let cause = format!(
                "`{resource}` is no writer of this host, which has arn:aws:states:::s3:putObject"
            );
            return Err(Failed::Cause(cause));
        }
        let format = ResultFormat::parse(write.config.value())?;
        let arguments = write.arguments.value();
        let prefix = match arguments.get("Prefix") {
            None | Some(Value::Null) => "",
            Some(_) => required(arguments, "Prefix")?.trim_end_matches('/'),
        };
        let run = write.map_run.rsplit_once(':').map_or("", |(_, run)| run);
        let folder = match prefix {
            "" => run.to_owned(),
            prefix => format!("{prefix}/{run}"),
        };
        let place = (family, write.state.as_str());
        let wanted = Wanted::new(place, arguments, folder.clone(), Access::ReadWrite)?;
        self.allow(&wanted).await?;
        let mut files = Files {
            folder,
            format,
            succeeded: ResultText::new(format),
            failed: ResultText::new(format),
            written: ResultFiles::default(),
        };
        let children = self.children_of(&write.map_run, cancelled).await?;
        for (index, result) in (0_u32..).zip(&write.results) {
            wanted_still(cancelled)?;
            let child = self
                .child_result(write, children.get(&index), result)
                .await?;
            files.add(child);
            self.write_out(&wanted, &mut files, RESULT_FILE_BYTES)
                .await?;
        }
        wanted_still(cancelled)?;
        self.write_out(&wanted, &mut files, 1).await?;
        wanted_still(cancelled)?;
        let bucket = wanted.volume.as_str();
        let manifest = files.written.manifest(bucket, &write.map_run);
        let key = format!("{}/manifest.json", files.folder);
        self.write_file(&wanted, &key, manifest.to_string()).await?;
        Ok(json!({"Bucket": bucket, "Key": key}))
    }

    /// Writes each of the two files that has at least so many bytes.
    async fn write_out(
        &self,
        wanted: &Wanted<'_>,
        files: &mut Files,
        bytes_min: usize,
    ) -> Result<(), Failed> {
        let extension = files.format.extension();
        let kinds = [
            (
                "SUCCEEDED",
                &mut files.succeeded,
                &mut files.written.succeeded,
            ),
            ("FAILED", &mut files.failed, &mut files.written.failed),
        ];
        for (name, text, written) in kinds {
            if text.bytes() < bytes_min {
                continue;
            }
            let text = text.take();
            let key = format!("{}/{name}_{}.{extension}", files.folder, written.len());
            written.push((key.clone(), text.len()));
            self.write_file(wanted, &key, text).await?;
        }
        Ok(())
    }

    async fn write_file(&self, wanted: &Wanted<'_>, key: &str, text: String) -> Result<(), Failed> {
        // As of now: a role may have been narrowed since the last file.
        self.allow(&wanted.at(key.to_owned())).await?;
        let content = Bytes::from(text);
        let (bytes, digest) = (content.len(), Digest::of(&content));
        let volumes = &self.ports.volumes;
        if let Err(error) = volumes.write(&wanted.volume, key, content).await {
            return Err(self.volume_failed(wanted, error).await);
        }
        let outcome = json!({"file": key, "bytes": bytes, "digest": digest});
        self.tell(wanted, outcome).await
    }

    /// The children of a map run, by their places in it.
    async fn children_of(
        &self,
        map_run: &str,
        cancelled: &CancellationToken,
    ) -> Result<BTreeMap<u32, ExecutionId>, Failed> {
        let mut children = BTreeMap::new();
        let mut before = None;
        loop {
            wanted_still(cancelled)?;
            let filter = ExecutionFilter {
                machine_arn: Some(map_run.to_owned()),
                ..ExecutionFilter::default()
            };
            let page = self.ports.archive.executions(filter, before, PAGE).await?;
            for Description { start, .. } in page.items {
                if let Some(child) = start.header.map_run {
                    children.insert(child.index, start.header.id);
                }
            }
            before = page.next;
            if before.is_none() {
                return Ok(children);
            }
        }
    }

    /// What is known of a child; one that never started has its error alone.
    async fn child_result(
        &self,
        write: &ResultsWrite,
        id: Option<&ExecutionId>,
        result: &Payload,
    ) -> Result<ChildResult, Failed> {
        let machine_arn = MapRunChild::machine_arn_of(&write.map_run);
        let known = match id {
            Some(id) => self.ports.archive.execution(id).await?,
            None => None,
        };
        let Some(known) = known else {
            let text = |name: &str| {
                let text = result.value().get(name).and_then(Value::as_str);
                text.map(ToOwned::to_owned)
            };
            return Ok(ChildResult {
                execution_arn: String::new(),
                name: String::new(),
                machine_arn,
                input: Value::Null,
                status: Status::Failed,
                output: Value::Null,
                error: text("Error"),
                cause: text("Cause"),
                started_at: None,
                stopped_at: None,
            });
        };
        let value = |value: Option<&Value>| value.cloned().unwrap_or_default();
        let Description { start, summary, .. } = &known;
        Ok(ChildResult {
            execution_arn: start.header.arn.clone(),
            name: start.header.name.clone(),
            machine_arn,
            input: value(known.input.as_deref()),
            status: summary.status,
            output: value(known.output.as_deref()),
            error: summary.error.clone(),
            cause: summary.cause.clone(),
            started_at: Some(start.header.started_at),
            stopped_at: summary.stopped_at,
        })
    }
}

impl Files {
    fn add(&mut self, child: ChildResult) {
        let text = match child.status {
            Status::Succeeded => &mut self.succeeded,
            Status::Running | Status::Failed | Status::TimedOut | Status::Aborted => {
                &mut self.failed
            }
        };
        for entry in self.format.entries(child) {
            text.push(&entry);
        }
    }
}
