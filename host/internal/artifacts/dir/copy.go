package dir

import (
	"context"
	"errors"
	"io"
	"os"
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
