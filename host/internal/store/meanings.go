package store

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Meanings are vectors of what files are about: files that mean much the same have vectors that lie near each other. Every store
// offers them beside its Files, and a vector goes with its file.
type Meanings interface {
	// Undescribed gives files without a meaning in the space, the newest first, at most limit.
	Undescribed(ctx context.Context, in Space, limit int) ([]File, error)
	// Describe keeps meanings in the place of those that their files had, in whatever space; of files that are gone, none.
	Describe(ctx context.Context, in Space, meanings []Meaning) error
	// Forget has the files with the digest undescribed again.
	Forget(ctx context.Context, digest string) error
	// Described counts.
	Described(ctx context.Context, in Space) (Described, error)
}

// Nearest finds files by what they are about.
type Nearest interface {
	// Nearest gives the files that q selects, those whose meanings are most like the vector first, from the skip-th on and at most
	// q.Limit of them; q.Before and q.Skip do not count. The vector is one of the space, of length 1.
	Nearest(ctx context.Context, in Space, vector []float32, q FileQuery, skip int) ([]Near, error)
}

// Space is what vectors have in common that can be compared.
type Space struct {
	Model      string // that made them
	Dimensions int
}

// Meaning is what a file is about.
type Meaning struct {
	Num    int64     // of the file
	Vector []float32 // of length 1; nil: there is none
	// Problem is why there is none.
	Problem string
}

// Described says how many files there are, and how many of them have a vector, or none for good.
type Described struct{ Files, Vectors, Failed int }

// Near is a file and how like a vector its meaning is: 1 is the same, 0 has nothing in common.
type Near struct {
	File
	Score float32
}

// Unit makes a vector one of length 1. false: it has no direction, or holds what is no number.
func Unit(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if length := math.Sqrt(sum); length > 0 && !math.IsInf(length, 0) && !math.IsNaN(length) {
		for k := range v {
			v[k] = float32(float64(v[k]) / length)
		}
		return true
	}
	return false
}

// Dot is the cosine of the angle between two vectors of length 1, which have as many numbers.
func Dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32 // four sums at once keep the processor busy
	b = b[:len(a)]
	for len(a) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for k := range a {
		s0 += a[k] * b[k]
	}
	return s0 + s1 + s2 + s3
}

// Best keeps the few files of many whose scores are highest; of equal ones the newest.
type Best struct {
	most int
	kept []Scored // sorted once there are too many
}

// Scored is the number of a file, and its score.
type Scored struct {
	Num   int64
	Score float32
}

// NewBest keeps so many.
func NewBest(most int) *Best { return &Best{most: most} }

// Add takes in one.
func (b *Best) Add(num int64, score float32) {
	if b.most <= 0 {
		return
	}
	b.kept = append(b.kept, Scored{num, score})
	if len(b.kept) >= 2*b.most+64 {
		b.kept = b.List()
	}
}

// List gives those that are kept, the best first.
func (b *Best) List() []Scored {
	slices.SortFunc(b.kept, func(x, y Scored) int { return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(y.Num, x.Num)) })
	b.kept = b.kept[:min(len(b.kept), max(b.most, 0))]
	return b.kept
}

// Page gives those from the skip-th on.
func (b *Best) Page(skip int) []Scored {
	all := b.List()
	return all[min(skip, len(all)):]
}

// Ranked puts files in the order of their scores; one that is not among them has gone meanwhile.
func Ranked(order []Scored, files []File) []Near {
	byNum := make(map[int64]File, len(files))
	for _, f := range files {
		byNum[f.Num] = f
	}
	var out []Near
	for _, s := range order {
		if f, ok := byNum[s.Num]; ok {
			out = append(out, Near{f, s.Score})
		}
	}
	return out
}
