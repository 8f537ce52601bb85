package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// piece is how much is copied between two looks at the context.
const piece = 64 << 20

// copyFile copies in the kernel where it can (copy_file_range, which io.CopyN finds by itself).
func copyFile(ctx context.Context, to, from *os.File) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, err := io.CopyN(to, from, piece); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (s *Store) explain(doing string, err error) error { return explain(doing, s.root, err) }

// explain says which folder is full and what is left in it.
func explain(doing, folder string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: the disk is full: %s has %s free: free some space there, or point the state directory at a larger disk: %w",
			doing, folder, free(folder), err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// bytes writes a size for people.
func bytes(n uint64) string {
	const unit = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, i := float64(n)/1024, 0
	for f >= 1024 && i < len(unit)-1 {
		f, i = f/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", f, unit[i])
}
