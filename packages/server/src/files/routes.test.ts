import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";
import { parseRange } from "./routes.ts";

interface Upload {
  name: string;
  uploadUrl: string;
}

suite("files of runs", () => {
  let doors: Doors;
  const clock = { skewMs: 0 };
  before(async () => {
    doors = await openDoors({ now: () => Date.now() + clock.skewMs });
    await makeRun(doors, doors.admin, { project: "p", name: "r" });
  });
  after(() => doors.close());

  async function reserve(files: string[]): Promise<Upload[]> {
    const { createRunFiles } = await doors.graphql<{ createRunFiles: { files: Upload[] } }>(
      doors.admin,
      `mutation($f: [String!]!) { createRunFiles(input: {entityName: "admin", projectName: "p", runName: "r", files: $f}) {
        files { name uploadUrl } } }`,
      { f: files },
    );
    return createRunFiles.files;
  }
  const relative = (url: string) => url.slice(doors.server.url.length);
  const put = (url: string, content: string) => doors.ask(undefined, "PUT", relative(url), content);
  async function listed(name: string) {
    const { project } = await doors.graphql<{
      project: { run: { files: { edges: { node: { id: string; directUrl: string; md5: string } }[] } } };
    }>(
      doors.admin,
      `query($n: [String]) { project(name: "p") { run(name: "r") { files(names: $n) { edges { node { id directUrl md5 } } } } } }`,
      { n: [name] },
    );
    return project.run.files.edges[0]?.node;
  }

  test("names with blanks, Hangul, emoji and signs of addresses come back with their content", async () => {
    const names = ["a b/한글 😀.txt", "100%/#1?.csv", `${"n".repeat(1000)}.log`, "media/x+y&z=1.json"];
    for (const { name, uploadUrl } of await reserve(names)) {
      assert.equal((await put(uploadUrl, `content of ${name}`)).status, 200, name);
      const file = await listed(name);
      const read = await doors.ask(undefined, "GET", relative(file?.directUrl ?? ""));
      assert.equal(read.status, 200, name);
      assert.equal(read.text, `content of ${name}`);
    }
  });

  test("names that climb, or are no name, are refused before anything is stored", async () => {
    for (const name of ["../x", "/etc/passwd", "a//b", "a/./b", "C:x", "a\\b", "", "a\0b", "x".repeat(4097)])
      await assert.rejects(reserve([name]), /400.*is refused/, name);
  });

  test("an address is for its door, its file and its time", async () => {
    const [first, second] = await reserve(["one.txt", "two.txt"]);
    const upload = first?.uploadUrl ?? "";
    const token = upload.split("/")[5] ?? "";
    const other = second?.uploadUrl.split("/")[5] ?? "";
    assert.equal((await put(upload, "one")).status, 200);
    // The same permission at another door, with another's claims, or with one letter changed.
    assert.equal((await doors.ask(undefined, "GET", `/storage/file/${token}/one.txt`)).status, 403);
    const mixed = `${other.split(".")[0]}.${token.split(".")[1]}`;
    assert.equal((await doors.ask(undefined, "PUT", `/storage/upload/${mixed}/two.txt`, "x")).status, 403);
    assert.equal((await doors.ask(undefined, "PUT", `/storage/upload/${token}x/one.txt`, "x")).status, 403);
    assert.equal((await doors.ask(undefined, "GET", "/storage/file/nonsense/one.txt")).status, 403);
    const address = relative((await listed("one.txt"))?.directUrl ?? "");
    clock.skewMs = 26 * 3_600_000;
    const late = await doors.ask(undefined, "GET", address);
    clock.skewMs = 0;
    assert.equal(late.status, 403);
    assert.match(late.text, /expired/);
    assert.equal((await doors.ask(undefined, "GET", address)).text, "one");
  });

  test("a deleted file's address is dead, and a deleted run's too", async () => {
    const id = await makeRun(doors, doors.admin, { project: "p", name: "r" });
    const [upload] = await reserve(["dead.txt", "kept.txt"]);
    await put(upload?.uploadUrl ?? "", "secret");
    const file = await listed("dead.txt");
    const address = relative(file?.directUrl ?? "");
    const stranger = await doors.user("stranger");
    const remove = `mutation { deleteFiles(input: {files: ["${file?.id}"]}) { success } }`;
    await assert.rejects(doors.graphql(stranger, remove), /404/);
    assert.equal((await doors.ask(undefined, "GET", address)).text, "secret");
    await doors.graphql(doors.admin, remove);
    assert.equal((await doors.ask(undefined, "GET", address)).status, 404);
    await doors.graphql(doors.admin, `mutation { deleteRun(input: {id: "${id}"}) { success } }`);
    assert.equal((await put(upload?.uploadUrl ?? "", "again")).status, 404);
    await doors.graphql(doors.admin, `mutation { restoreRun(input: {id: "${id}"}) { run { id } } }`);
  });

  test("what users store never runs as this page", async () => {
    const [upload] = await reserve(["page.html"]);
    await put(upload?.uploadUrl ?? "", "<script>alert(1)</script>");
    const address = relative((await listed("page.html"))?.directUrl ?? "");
    const { headers } = await doors.ask(undefined, "GET", address);
    assert.match(headers.get("content-security-policy") ?? "", /^sandbox; default-src 'none'/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    const download = await doors.ask(undefined, "GET", `${address}?download`);
    assert.match(download.headers.get("content-disposition") ?? "", /^attachment/);
  });

  test("a range is answered in part, one beyond the end is refused", async () => {
    const [upload] = await reserve(["range.txt"]);
    await put(upload?.uploadUrl ?? "", "0123456789");
    const address = relative((await listed("range.txt"))?.directUrl ?? "");
    const part = await doors.ask(undefined, "GET", address, undefined, { range: "bytes=2-4" });
    assert.deepEqual(
      [part.status, part.text, part.headers.get("content-range")],
      [206, "234", "bytes 2-4/10"],
    );
    const beyond = await doors.ask(undefined, "GET", address, undefined, { range: "bytes=10-" });
    assert.deepEqual([beyond.status, beyond.headers.get("content-range")], [416, "bytes */10"]);
    const head = await doors.ask(undefined, "HEAD", address);
    assert.deepEqual([head.status, head.headers.get("content-length"), head.text], [200, "10", ""]);
  });
});

test("ranges as RFC 9110 has them", () => {
  assert.deepEqual(parseRange("bytes=0-0", 10), { start: 0, end: 0 });
  assert.deepEqual(parseRange("bytes=-3", 10), { start: 7, end: 9 });
  assert.deepEqual(parseRange("bytes=-30", 10), { start: 0, end: 9 });
  assert.deepEqual(parseRange("bytes=5-99", 10), { start: 5, end: 9 });
  assert.equal(parseRange("bytes=5-4", 10), "unsatisfiable");
  assert.equal(parseRange("bytes=0-", 0), "unsatisfiable");
  for (const other of [undefined, "", "bytes=-", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b"])
    assert.equal(parseRange(other, 10), undefined);
});
