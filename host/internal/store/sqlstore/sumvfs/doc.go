// Package sumvfs is how SQLite reaches its files here: it makes damage on the medium visible instead of believed.
//
// Every page of the database file ends in a seal: its own number and a CRC-32C over the rest. A page that is read and
// does not match it is an error, never content. SQLite leaves those bytes alone because the file's header reserves
// them; Blank makes such a file.
//
// SQLite checks its log (the -wal file) by itself, but takes the first frame that does not fit for the log's end, so
// that a flipped bit or a cut would silently take back what was committed. How far the log was committed stands in
// the index that SQLite keeps in shared memory, which is a file (-shm) and outlives a killed process; SQLite makes it
// anew when it opens the database. Check compares the two before that. After a power cut the index may be behind or
// gone, which only weakens the check; it is never ahead, since it is written after the log was synced.
package sumvfs

// Name is what a DSN says to get this VFS: vfs=Name. Register has to be called before.
const Name = "spinbot"

// PageSize is the size of a page of the database in bytes; files of another size are refused.
const PageSize = 4096
