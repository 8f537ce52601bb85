package artifacts

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Space is what a disk has, in bytes.
type Space struct{ Free, Total uint64 }

// Free says how many bytes an ordinary user may still write in the folder.
func Free(folder string) (uint64, error) {
	s, err := SpaceOf(folder)
	return s.Free, err
}

// IsFull says whether err, or the output of a program in it, comes from a full disk.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		err != nil && strings.Contains(strings.ToLower(err.Error()), "no space left on device")
}

// DiskError says what was being done when err came, and when the disk is full, which folder's and what is free.
func DiskError(doing, folder string, err error) error {
	if !IsFull(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: the disk is full: %s: %w", doing, FullHint(folder), err)
}

// FullHint says what is free in the folder and what to do.
func FullHint(folder string) string {
	left := "an unknown amount"
	if n, err := Free(folder); err == nil {
		left = size(n)
	}
	return fmt.Sprintf("%s has %s free; free some space there, or point the state directory at a larger disk", folder, left)
}

// size writes a number of bytes for people.
func size(n uint64) string {
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
