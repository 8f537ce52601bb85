package remote

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// receive continues an upload. With its last byte it is verified and goes into the store.
func (h *handler) receive(w http.ResponseWriter, r *http.Request) {
	digest := r.PathValue("digest")
	if _, err := hexOf(digest); err != nil {
		refuse(w, "", err)
		return
	}
	size, err := h.declared(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if h.Limit > 0 && size > h.Limit {
		http.Error(w, fmt.Sprintf("artifact %s has %s, and this host takes at most %s: raise its limit, or make the artifact smaller", digest, mib(size), mib(h.Limit)), http.StatusRequestEntityTooLarge)
		return
	}
	if whole, err := h.present(r.Context(), digest); err != nil {
		refuse(w, digest, err)
		return
	} else if whole {
		complete(w, size, http.StatusOK)
		return
	}
	if !h.claim(digest) {
		http.Error(w, fmt.Sprintf("artifact %s is being uploaded by another request: ask later how far it is", digest), http.StatusLocked)
		return
	}
	defer h.release(digest)
	p, err := openPartial(h.Folder, digest)
	if err != nil {
		refuse(w, digest, err)
		return
	}
	defer p.close()
	if h.accept(w, r, p, size) {
		h.take(w, r, p, size)
	}
}

// accept says whether the request continues the upload within what was declared and what the disk holds.
func (h *handler) accept(w http.ResponseWriter, r *http.Request, p *partial, size int64) bool {
	if p.size > size { // another size was declared before: one of them is wrong
		if err := p.drop(); err != nil {
			refuse(w, p.digest, err)
			return false
		}
	}
	text := r.Header.Get(offsetHeader)
	offset, err := strconv.ParseInt(text, 10, 64)
	if err != nil || offset < 0 {
		http.Error(w, fmt.Sprintf("%s: %.40q is no number of bytes: say where this upload continues", offsetHeader, text), http.StatusBadRequest)
		return false
	}
	if offset != p.size {
		w.Header().Set(offsetHeader, strconv.FormatInt(p.size, 10))
		http.Error(w, fmt.Sprintf("artifact %s: %d bytes are here, so it cannot continue at %d: ask again how far it is", p.digest, p.size, offset), http.StatusConflict)
		return false
	}
	if r.ContentLength > size-offset {
		http.Error(w, tooLong(p.digest, size), http.StatusRequestEntityTooLarge)
		return false
	}
	return h.fits(w, p, size)
}

// fits looks at the disk, and sets aside what this upload needs.
func (h *handler) fits(w http.ResponseWriter, p *partial, size int64) bool {
	missing, err := h.disk.reserve(p, h.Store, size)
	if err != nil {
		refuse(w, p.digest, err)
		return false
	}
	if missing > 0 {
		http.Error(w, fmt.Sprintf("artifact %s of %s does not fit on this host's disk beside other uploads, %s are missing: %s", p.digest, mib(size), mib(missing), artifacts.FullHint(h.Folder)), http.StatusInsufficientStorage)
	}
	return missing == 0
}

// take reads the body, and when it is the rest of the artifact, gives it to the store.
func (h *handler) take(w http.ResponseWriter, r *http.Request, p *partial, size int64) {
	body := h.patient(w, r.Body)
	_, err := io.CopyBuffer(onlyWriter{p}, io.LimitReader(body, size-p.size), make([]byte, block))
	if isLate(err) {
		h.tooSlow(w, p, size)
		return
	}
	if err != nil {
		refuse(w, p.digest, artifacts.DiskError("artifact "+p.digest, h.Folder, err))
		return
	}
	if p.size < size {
		w.Header().Set(offsetHeader, strconv.FormatInt(p.size, 10))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if n, err := io.ReadFull(body, make([]byte, 1)); n > 0 {
		err = p.drop()
		http.Error(w, errors.Join(errors.New(tooLong(p.digest, size)), err).Error(), http.StatusRequestEntityTooLarge)
		return
	} else if isLate(err) {
		h.tooSlow(w, p, size)
		return
	} else if !errors.Is(err, io.EOF) {
		refuse(w, p.digest, fmt.Errorf("artifact %s: read the end of the upload: %w", p.digest, err))
		return
	}
	if err := p.keep(r.Context(), h.Store); err != nil {
		refuse(w, p.digest, err)
		return
	}
	complete(w, size, http.StatusCreated)
}

func tooLong(digest string, size int64) string {
	return fmt.Sprintf("artifact %s: more bytes came than the %d that were declared: say its true size", digest, size)
}

// onlyWriter hides what else a writer can do, so that the buffer's size counts.
type onlyWriter struct{ io.Writer }

// claim makes this request the only one that writes to the upload.
func (h *handler) claim(digest string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	free := !h.uploads[digest]
	h.uploads[digest] = true
	return free
}

func (h *handler) release(digest string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.uploads, digest)
}
