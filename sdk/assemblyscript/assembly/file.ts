// Files of input artifacts, by WASI.

@external("wasi_snapshot_preview1", "path_open")
declare function pathOpen(
  folder: i32, follow: i32, path: usize, length: usize, how: i32, rights: i64, inherited: i64, flags: i32, file: usize,
): i32;

@external("wasi_snapshot_preview1", "fd_read")
declare function fdRead(file: i32, vectors: usize, count: usize, got: usize): i32;

@external("wasi_snapshot_preview1", "fd_close")
declare function fdClose(file: i32): i32;

const root = "/artifacts/"; // the one folder that a guest is given, as file 3
const mayRead: i64 = 2;
const scratch = memory.data(16); // a vector (address, length), how much was read, and a file

/** The first length bytes of a file; null when it cannot be read or is shorter. */
export function readFile(path: string, length: i32): ArrayBuffer | null {
  if (!path.startsWith(root) || length < 0) return null;
  const name = String.UTF8.encode(path.substring(root.length));
  if (pathOpen(3, 0, changetype<usize>(name), name.byteLength, 0, mayRead, 0, 0, scratch + 12) != 0) return null;
  const file = load<i32>(scratch + 12);
  const bytes = new ArrayBuffer(length);
  let have = 0;
  while (have < length) {
    store<u32>(scratch, (changetype<usize>(bytes) as u32) + have);
    store<u32>(scratch + 4, length - have);
    if (fdRead(file, scratch, 1, scratch + 8) != 0 || load<u32>(scratch + 8) == 0) break;
    have += load<u32>(scratch + 8);
  }
  fdClose(file);
  return have == length ? bytes : null;
}
