"""sqlite3, json, hashing, compression, temporary files, archives."""
import bz2, csv, decimal, gzip, hashlib, io, json, lzma, os, pathlib, pickle, shutil, sqlite3, tarfile, tempfile, zipfile, zlib

memory = sqlite3.connect(":memory:")
memory.execute("create table t(a, b)")
memory.executemany("insert into t values(?, ?)", [(i, str(i)) for i in range(1000)])
print(memory.execute("select sum(a), count(*), max(b) from t").fetchone())
memory.create_function("double", 1, lambda x: x * 2)
print(memory.execute("select double(21), sqlite_version() > '3'").fetchone())
with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "file.db")
    first = sqlite3.connect(file)
    print(first.execute("pragma journal_mode = wal").fetchone())
    first.execute("create table t(x)")
    first.commit()
    second = sqlite3.connect(file, timeout=0.1)
    first.execute("begin immediate")
    first.execute("insert into t values(1)")
    try:
        second.execute("insert into t values(2)")
    except sqlite3.OperationalError as error:
        print(error)
    print(sorted(os.listdir(folder)), second.execute("select * from t").fetchall())
    first.commit()
    print(second.execute("select * from t").fetchall(), second.execute("pragma integrity_check").fetchone())
    first.close()
    second.close()
    print(sorted(os.listdir(folder)))

print(json.dumps(json.loads('{"b": [1, 2.5, null, true, "\\u00fc"], "a": 1e400}'), sort_keys=True))
for name in ["blake2b", "md5", "sha1", "sha256", "sha3_256", "sha512"]:
    print(name, hashlib.new(name, b"abc" * 1000).hexdigest()[:16])
print(hashlib.pbkdf2_hmac("sha256", b"p", b"s", 1000).hex()[:16], hashlib.scrypt(b"p", salt=b"s", n=16, r=8, p=1).hex()[:8])

with tempfile.NamedTemporaryFile() as file:
    file.write(b"hi")
    file.flush()
    print(os.path.getsize(file.name), oct(os.stat(file.name).st_mode))
print(os.path.exists(file.name))
with tempfile.TemporaryFile() as file:
    file.write(b"x" * 10**6)
    file.seek(500000)
    print(len(file.read()), os.fstat(file.fileno()).st_nlink)
with tempfile.SpooledTemporaryFile(10) as file:
    file.write(b"x" * 100)
    print(file.tell())

big = bytes(range(256)) * 4000
print(zlib.crc32(big), [len(m.decompress(m.compress(big))) for m in (gzip, bz2, lzma, zlib)])
buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
    archive.add("/etc/hostname", "name")
print(tarfile.open(fileobj=io.BytesIO(buffer.getvalue())).getnames())
with zipfile.ZipFile("z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("a/b", "text" * 1000)
print(zipfile.ZipFile("z.zip").testzip(), zipfile.ZipFile("z.zip").infolist()[0].compress_size)
with open("t.csv", "w", newline="") as file:
    csv.writer(file).writerows([["a", 'b "quoted"'], [1, 2]])
print(list(csv.reader(open("t.csv"))), pickle.loads(pickle.dumps({"x": {1, 2}})), decimal.Decimal(1) / 7)

tree = pathlib.Path("tree")
(tree / "a/b").mkdir(parents=True)
(tree / "a/b/c.txt").write_text("c\n")
(tree / "link").symlink_to("a/b/c.txt")
print(sorted(str(p) for p in tree.rglob("*")), (tree / "link").resolve().name, (tree / "link").read_text())
shutil.copytree(tree, "copy", symlinks=True)
shutil.make_archive("archive", "gztar", "copy")
shutil.rmtree(tree)
shutil.unpack_archive("archive.tar.gz", "back")
print(tree.exists(), os.readlink("back/link"), shutil.disk_usage(".").total > 0)
