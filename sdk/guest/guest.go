// Package guest is main() of a control node written in Go: a plugin compiled to WASM.
//
//	func main() { guest.Main(myPlugin) }
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o mine.wasm .
//
// The module is a reactor: the host makes an instance, calls _initialize once and then any number of tasks, one at a
// time. Everything else that imports WASI and exports the functions below is a reactor to the host, too.
//
// # ABI, version 1
//
// Integers are i32 unless said otherwise; a region of memory comes back as one i64, address << 32 | length.
//
//	exports
//	  spinbot_abi() i32                      1
//	  spinbot_describe() i64                 region: the manifest as JSON
//	  spinbot_alloc(length) i32              address of length bytes for the next task's input; the guest owns them
//	  spinbot_run(address, length) i64       carries out the task written there; region: the outcome
//	imports, module "spinbot"
//	  log(level, address, length)            level 0 debug, 1 info, 2 warn, 3 error; text in UTF-8
//	  progress(fraction f64, address, length)     fraction 0..1, negative when unknown; text in UTF-8
//	  checkpoint(address, length)            at most sdk.MaxCheckpoint bytes
//	  random(address, length)                fills it with bytes from the task's seed
//	  now() i64                              the task's time in nanoseconds since 1970
//	  http(address, length) i32              grant "http": sends a request; the answer's length
//	  kv(address, length) i32                grant "kv": reads or changes the node's state; the answer's length
//	  take(address)                          writes the answer of the last http or kv there, once
//
// The host keeps an answer until take or the next http or kv. Its first byte is a status, so a request that is refused
// is data and no trap; what was not granted is refused with the command that grants it. AppendRequest, AppendKV and
// AppendAnswer document the bytes. A module that does not use HTTP or KV does not import them.
//
// A region stays valid until the next call. AppendTask and AppendOutcome document the bytes of a task and an outcome.
// An outcome that says "broken" asks the host to discard the instance, as a trap does.
//
// Inside, the clock stands still at the task's time but for what the guest sleeps, which takes no real time;
// crypto/rand and math/rand are seeded with the task's seed; there is no file system but the task's input
// artifacts, read-only, where their Path says; and one task must end before the next begins: goroutines left behind
// do not go on.
package guest
