//! Every call of `wasi:filesystem/types`, checked and passed on.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
    DirectoryEntryStream, ErrorCode, Filesize, Host, HostDescriptor, HostDirectoryEntryStream,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::{Intent, MountsView};

impl Host for MountsView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.wasi.convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.wasi.filesystem_error_code(error)
    }
}

impl HostDescriptor for MountsView<'_> {
    async fn advise(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.wasi.advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.wasi.sync_data(fd).await
    }

    async fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.wasi.get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.wasi.get_type(fd).await
    }

    async fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        self.check(fd.rep(), Intent::Write, "set-size", "").await?;
        self.wasi.set_size(fd, size).await
    }

    async fn set_times(
        &mut self,
        fd: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.check(fd.rep(), Intent::Write, "set-times", "").await?;
        self.wasi.set_times(fd, accessed, modified).await
    }

    async fn read(
        &mut self,
        fd: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.wasi.read(fd, length, offset).await
    }

    async fn write(
        &mut self,
        fd: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        self.check(fd.rep(), Intent::Write, "write", "").await?;
        self.wasi.write(fd, bytes, offset).await
    }

    async fn read_directory(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        self.check(fd.rep(), Intent::Read, "read-directory", "")
            .await?;
        self.room_to_list(&fd).await?;
        let listing = self.wasi.read_directory(fd).await?;
        self.mounts.listings += 1;
        Ok(listing)
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.wasi.sync(fd).await
    }

    async fn create_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let (rep, call) = (fd.rep(), "create-directory-at");
        self.check(rep, Intent::Write, call, &path).await?;
        let result = self.wasi.create_directory_at(fd, path.clone()).await;
        self.settle(rep, call, &path, result).await
    }

    async fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.wasi.stat(fd).await
    }

    async fn stat_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let rep = fd.rep();
        let result = self.wasi.stat_at(fd, flags, path.clone()).await;
        self.settle(rep, "stat-at", &path, result).await
    }

    async fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let (rep, call) = (fd.rep(), "set-times-at");
        self.check(rep, Intent::Write, call, &path).await?;
        let result = self
            .wasi
            .set_times_at(fd, flags, path.clone(), accessed, modified)
            .await;
        self.settle(rep, call, &path, result).await
    }

    async fn link_at(
        &mut self,
        fd: Resource<Descriptor>,
        old_flags: PathFlags,
        old_path: String,
        new_directory: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (rep, call) = (fd.rep(), "link-at");
        self.check(rep, Intent::Write, call, &old_path).await?;
        self.check(new_directory.rep(), Intent::Write, call, &new_path)
            .await?;
        let result = self
            .wasi
            .link_at(fd, old_flags, old_path, new_directory, new_path.clone())
            .await;
        self.settle(rep, call, &new_path, result).await
    }

    async fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let (rep, call) = (fd.rep(), "open-at");
        let is_write = open_flags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
            || flags.contains(DescriptorFlags::WRITE);
        let intent = if is_write {
            Intent::Write
        } else {
            Intent::Read
        };
        self.check(rep, intent, call, &path).await?;
        self.room_to_open().map_err(FsError::trap)?;
        let result = self
            .wasi
            .open_at(fd, path_flags, path.clone(), open_flags, flags)
            .await;
        let opened = self.settle(rep, call, &path, result).await?;
        self.adopt(rep, &opened)?;
        Ok(opened)
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.mounts.descriptors.remove(&fd.rep());
        HostDescriptor::drop(&mut self.wasi, fd)
    }

    async fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        let rep = fd.rep();
        let result = self.wasi.readlink_at(fd, path.clone()).await;
        self.settle(rep, "readlink-at", &path, result).await
    }

    async fn remove_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let (rep, call) = (fd.rep(), "remove-directory-at");
        self.check(rep, Intent::Write, call, &path).await?;
        let result = self.wasi.remove_directory_at(fd, path.clone()).await;
        self.settle(rep, call, &path, result).await
    }

    async fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        old_path: String,
        new_directory: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (rep, call) = (fd.rep(), "rename-at");
        self.check(rep, Intent::Write, call, &old_path).await?;
        self.check(new_directory.rep(), Intent::Write, call, &new_path)
            .await?;
        let result = self
            .wasi
            .rename_at(fd, old_path, new_directory, new_path.clone())
            .await;
        self.settle(rep, call, &new_path, result).await
    }

    async fn symlink_at(
        &mut self,
        fd: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FsResult<()> {
        let (rep, call) = (fd.rep(), "symlink-at");
        self.check(rep, Intent::Write, call, &path).await?;
        let result = self.wasi.symlink_at(fd, target, path.clone()).await;
        self.settle(rep, call, &path, result).await
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let (rep, call) = (fd.rep(), "unlink-file-at");
        self.check(rep, Intent::Write, call, &path).await?;
        let result = self.wasi.unlink_file_at(fd, path.clone()).await;
        self.settle(rep, call, &path, result).await
    }

    fn read_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        self.wasi.read_via_stream(fd, offset)
    }

    fn write_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.check_at_once(fd.rep(), "write-via-stream")?;
        self.wasi.write_via_stream(fd, offset)
    }

    fn append_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.check_at_once(fd.rep(), "append-via-stream")?;
        self.wasi.append_via_stream(fd)
    }

    async fn is_same_object(
        &mut self,
        left: Resource<Descriptor>,
        right: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.wasi.is_same_object(left, right).await
    }

    async fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.wasi.metadata_hash(fd).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let rep = fd.rep();
        let result = self.wasi.metadata_hash_at(fd, flags, path.clone()).await;
        self.settle(rep, "metadata-hash-at", &path, result).await
    }
}

impl HostDirectoryEntryStream for MountsView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.wasi.read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.wasi, stream)?;
        self.mounts.listings = self.mounts.listings.saturating_sub(1);
        Ok(())
    }
}
