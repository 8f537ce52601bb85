//go:build race

package sqlstore_test

// slow: SQLite takes ten times as long under the race detector.
const slow = 10
