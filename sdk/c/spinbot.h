/*
 * spinbot.h: write MySpinBot control nodes in C11. One header, no libc; SPDX-License-Identifier: Apache-2.0.
 *
 *   clang --target=wasm32 -std=c11 -O2 -ffreestanding -nostdlib -Wl,--no-entry -I. -o mine.wasm mine.c
 *   zig cc -target wasm32-freestanding -std=c11 -O2 -nostdlib -Wl,--no-entry -I. -o mine.wasm mine.c
 *
 * Include it in one file, which ends with SPINBOT_MODULE(manifest, nodes). A node is a function of a task: it reads
 * inputs, computes, and gives outputs or one error. Memory comes from an arena that is emptied before each task; what
 * a task gets from it need not and cannot be freed. When there is no more, the guest stops, and the host says so.
 * docs/control-nodes.md describes the bytes.
 */
#ifndef SPINBOT_H
#define SPINBOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SB_EXPORT(name) __attribute__((export_name(name), used))
#define SB_IMPORT(name) __attribute__((import_module("spinbot"), import_name(name)))
#define SB_UNUSED __attribute__((unused))
#define SB_FN static SB_UNUSED
#define SB_MAX_DEPTH 128

/* What the host offers. Levels: 0 debug, 1 info, 2 warn, 3 error. A fraction is 0 to 1, negative when unknown. */
SB_IMPORT("log") void sb_host_log(uint32_t level, const char *text, size_t length);
SB_IMPORT("progress") void sb_host_progress(double fraction, const char *text, size_t length);
SB_IMPORT("checkpoint") void sb_host_checkpoint(const void *data, size_t length);

/* ---- Memory ---- */

/* What compilers call by themselves. Weak: a libc's own are taken where there is one. */
__attribute__((weak, no_builtin)) void *memcpy(void *to, const void *from, size_t n) {
	for (size_t i = 0; i < n; i++) ((char *)to)[i] = ((const char *)from)[i];
	return to;
}
__attribute__((weak, no_builtin)) void *memset(void *to, int byte, size_t n) {
	for (size_t i = 0; i < n; i++) ((char *)to)[i] = (char)byte;
	return to;
}
__attribute__((weak, no_builtin)) void *memmove(void *to, const void *from, size_t n) {
	char *t = to;
	const char *f = from;
	if (t < f) for (size_t i = 0; i < n; i++) t[i] = f[i];
	else for (size_t i = n; i > 0; i--) t[i - 1] = f[i - 1];
	return to;
}
__attribute__((weak, no_builtin)) int memcmp(const void *a, const void *b, size_t n) {
	const unsigned char *x = a, *y = b;
	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
	return 0;
}

extern unsigned char __heap_base;
static uintptr_t sb_top; /* the first free byte of the arena; 0 before the first task */

/* n bytes, aligned to 16, with any content. */
SB_FN void *sb_alloc(size_t n) {
	if (!sb_top) sb_top = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
	uintptr_t at = sb_top;
	if (n > (size_t)0x7fffffff) __builtin_trap();
	uint64_t end = ((uint64_t)at + n + 15) & ~(uint64_t)15;
	uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
	if (end > 0xffff0000u) __builtin_trap();
	if (end > have && __builtin_wasm_memory_grow(0, (size_t)((end - have + 0xffff) >> 16)) == (size_t)-1) __builtin_trap();
	sb_top = (uintptr_t)end;
	return (void *)at;
}

SB_FN void sb_reset(void) { sb_top = 0; }

/* ---- Text ---- */

/* Bytes in UTF-8, not ended by a zero. */
typedef struct { const char *at; size_t length; } sb_text;

SB_FN sb_text sb_c(const char *s) {
	sb_text t = { s, 0 };
	while (s[t.length]) t.length++;
	return t;
}

SB_FN bool sb_same(sb_text a, const char *b) {
	sb_text t = sb_c(b);
	return a.length == t.length && memcmp(a.at, b, t.length) == 0;
}

SB_FN sb_text sb_join(sb_text a, sb_text b) {
	char *s = sb_alloc(a.length + b.length);
	memcpy(s, a.at, a.length);
	memcpy(s + a.length, b.at, b.length);
	return (sb_text){ s, a.length + b.length };
}

SB_FN sb_text sb_digits(int64_t n) {
	char *s = sb_alloc(20);
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	size_t i = 20;
	do s[--i] = (char)('0' + rest % 10); while (rest /= 10);
	if (n < 0) s[--i] = '-';
	return (sb_text){ s + i, 20 - i };
}

/* ---- Values ---- */

typedef enum { SB_NULL, SB_BOOL, SB_TEXT, SB_NUMBER, SB_LIST, SB_OBJECT, SB_ARTIFACT } sb_kind;

/* A task may read the file at path and must not change it. */
typedef struct { sb_text digest, media_type, name, path; int64_t size; } sb_artifact;

typedef struct sb_value sb_value;
typedef struct { sb_text key; sb_value *value; } sb_field; /* a list's fields have no key */
struct sb_value {
	sb_kind kind;
	bool flag;          /* SB_BOOL */
	sb_text text;       /* SB_TEXT, and SB_NUMBER as it is written in JSON */
	sb_field *fields;   /* SB_LIST and SB_OBJECT */
	size_t count, room; /* of fields */
	sb_artifact *file;  /* SB_ARTIFACT */
};

SB_FN sb_value *sb_new(sb_kind kind) {
	sb_value *v = sb_alloc(sizeof *v);
	memset(v, 0, sizeof *v);
	v->kind = kind;
	return v;
}
SB_FN sb_value *sb_null(void) { return sb_new(SB_NULL); }
SB_FN sb_value *sb_list(void) { return sb_new(SB_LIST); }
SB_FN sb_value *sb_object(void) { return sb_new(SB_OBJECT); }
SB_FN sb_value *sb_bool(bool x) { sb_value *v = sb_new(SB_BOOL); v->flag = x; return v; }
SB_FN sb_value *sb_string(sb_text x) { sb_value *v = sb_new(SB_TEXT); v->text = x; return v; }
/* A number as it is written in JSON, however many digits it has. */
SB_FN sb_value *sb_number(sb_text x) { sb_value *v = sb_new(SB_NUMBER); v->text = x; return v; }
SB_FN sb_value *sb_integer(int64_t x) { return sb_number(sb_digits(x)); }

/* Adds to a list (with an empty key) or an object, and gives it back. An object's keys must differ. */
SB_FN sb_value *sb_add(sb_value *v, sb_text key, sb_value *x) {
	if (v->count == v->room) {
		size_t room = v->room ? 2 * v->room : 4;
		sb_field *more = sb_alloc(room * sizeof *more);
		if (v->count) memcpy(more, v->fields, v->count * sizeof *more);
		v->fields = more;
		v->room = room;
	}
	v->fields[v->count].key = key;
	v->fields[v->count++].value = x;
	return v;
}
SB_FN sb_value *sb_push(sb_value *list, sb_value *x) { return sb_add(list, (sb_text){ "", 0 }, x); }

/* A field of an object; NULL when there is none, or when it is null. */
SB_FN sb_value *sb_get(const sb_value *v, const char *key) {
	if (!v || v->kind != SB_OBJECT) return NULL;
	for (size_t i = 0; i < v->count; i++)
		if (sb_same(v->fields[i].key, key)) return v->fields[i].value->kind == SB_NULL ? NULL : v->fields[i].value;
	return NULL;
}

/* Reads a number written without . and e; false when it is another, or does not fit. */
SB_FN bool sb_to_integer(const sb_value *v, int64_t *out) {
	if (!v || v->kind != SB_NUMBER) return false;
	bool minus = v->text.length && v->text.at[0] == '-';
	uint64_t n = 0, most = minus ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	for (size_t i = minus; i < v->text.length; i++) {
		unsigned digit = (unsigned)(v->text.at[i] - '0');
		if (digit > 9 || n > (most - digit) / 10) return false;
		n = n * 10 + digit;
	}
	*out = minus ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}

/* ---- Tasks ---- */

typedef struct { sb_text message, hint, detail; bool permanent; } sb_error;

typedef struct {
	sb_text type, owner, pipeline;
	sb_text checkpoint;     /* what the last attempt left; empty when there was none */
	sb_text run, node, key; /* key: [2] or ["a"] for an instance of a for_each, else empty */
	uint64_t attempt;       /* from 1 */
	int64_t time, deadline; /* nanoseconds since 1970; INT64_MIN for none */
	uint64_t seed;
	sb_value *inputs, *outputs; /* objects */
	bool failed;
	sb_error error;
} sb_task;

/* Ends the task with an error that no other attempt can mend. The first error counts; outputs no longer do. */
SB_FN void sb_refuse(sb_task *t, sb_text message, sb_text hint) {
	if (t->failed) return;
	t->failed = true;
	t->error = (sb_error){ message, hint, { "", 0 }, true };
}

/* Ends the task with an error that another attempt may mend. */
SB_FN void sb_fail(sb_task *t, sb_text message, sb_text hint) {
	if (t->failed) return;
	sb_refuse(t, message, hint);
	t->error.permanent = false;
}

/* An input of a kind; else the task fails and NULL is returned. */
SB_FN sb_value *sb_input(sb_task *t, const char *name, sb_kind kind) {
	static const char *const words[] = { "nothing", "true or false", "text", "a number", "a list", "an object", "an artifact" };
	sb_value *v = sb_get(t->inputs, name);
	if (v && v->kind == kind) return v;
	sb_text what = sb_join(sb_c("input "), sb_c(name));
	if (!v) what = sb_join(what, sb_c(": is required"));
	else what = sb_join(sb_join(sb_join(what, sb_c(": want ")), sb_c(words[kind])), sb_join(sb_c(", got "), sb_c(words[v->kind])));
	sb_refuse(t, what, sb_join(sb_c("see what it takes: spinbot node-types "), t->type));
	return NULL;
}

SB_FN sb_text sb_input_text(sb_task *t, const char *name) {
	sb_value *v = sb_input(t, name, SB_TEXT);
	return v ? v->text : (sb_text){ "", 0 };
}

SB_FN int64_t sb_input_integer(sb_task *t, const char *name) {
	int64_t n = 0;
	sb_value *v = sb_input(t, name, SB_NUMBER);
	if (v && !sb_to_integer(v, &n))
		sb_refuse(t, sb_join(sb_join(sb_c("input "), sb_c(name)), sb_join(sb_c(": want a whole number, got "), v->text)), sb_c(""));
	return n;
}

SB_FN bool sb_input_bool(sb_task *t, const char *name) {
	sb_value *v = sb_input(t, name, SB_BOOL);
	return v && v->flag;
}

SB_FN void sb_output(sb_task *t, const char *name, sb_value *v) { sb_add(t->outputs, sb_c(name), v); }

SB_FN void sb_log(uint32_t level, sb_text message) { sb_host_log(level, message.at, message.length); }
SB_FN void sb_progress(double fraction, sb_text message) { sb_host_progress(fraction, message.at, message.length); }
/* Keeps at most 4096 bytes for the next attempt. */
SB_FN void sb_save(const void *data, size_t length) { sb_host_checkpoint(data, length); }

/* ---- Files of input artifacts, by WASI ---- */

#define SB_WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
SB_WASI("path_open") int sb_path_open(int folder, int follow, const char *path, size_t length, int how, uint64_t rights,
	uint64_t inherited, int flags, int *file);
typedef struct { void *at; size_t length; } sb_vector;
SB_WASI("fd_read") int sb_fd_read(int file, const sb_vector *v, size_t count, size_t *got);
SB_WASI("fd_close") int sb_fd_close(int file);

/* The bytes of an input artifact; false when they cannot be read. */
SB_FN bool sb_read_file(const sb_artifact *a, sb_text *out) {
	static const char root[] = "/artifacts/"; /* the one folder that a guest is given, as file 3 */
	const size_t skip = sizeof root - 1;
	int file;
	if (a->size < 0 || a->size > 0x7fffffff || a->path.length < skip || memcmp(a->path.at, root, skip) != 0) return false;
	if (sb_path_open(3, 0, a->path.at + skip, a->path.length - skip, 0, 2, 0, 0, &file) != 0) return false;
	size_t length = (size_t)a->size, have = 0, got = 0;
	char *bytes = sb_alloc(length);
	while (have < length) {
		sb_vector v = { bytes + have, length - have };
		if (sb_fd_read(file, &v, 1, &got) != 0 || got == 0) break;
		have += got;
	}
	sb_fd_close(file);
	*out = (sb_text){ bytes, length };
	return have == length;
}

/* ---- The codec: reading ---- */

/* After the first field that is cut off, a reader gives zeros. */
typedef struct { const unsigned char *at, *end; bool failed; } sb_reader;

SB_FN const unsigned char *sb_take(sb_reader *r, uint64_t n) {
	const unsigned char *from = r->at;
	if (n > (uint64_t)(r->end - r->at)) {
		r->failed = true;
		r->at = r->end;
		return NULL;
	}
	r->at += n;
	return from;
}

SB_FN unsigned char sb_read_byte(sb_reader *r) {
	const unsigned char *b = sb_take(r, 1);
	return b ? *b : 0;
}

SB_FN uint64_t sb_read_count(sb_reader *r) {
	uint64_t n = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned char b = sb_read_byte(r);
		n |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) return n;
	}
	r->failed = true;
	return 0;
}

SB_FN sb_text sb_read_text(sb_reader *r) {
	uint64_t n = sb_read_count(r);
	const unsigned char *at = sb_take(r, n);
	return at ? (sb_text){ (const char *)at, (size_t)n } : (sb_text){ "", 0 };
}

SB_FN uint64_t sb_read_fixed(sb_reader *r) {
	uint64_t n = 0;
	const unsigned char *at = sb_take(r, 8);
	for (int i = 7; at && i >= 0; i--) n = n << 8 | at[i];
	return n;
}

SB_FN sb_value *sb_read_value(sb_reader *r, int depth) {
	unsigned char tag = sb_read_byte(r);
	switch (tag) {
	case 0: return sb_null();
	case 1: return sb_bool(false);
	case 2: return sb_bool(true);
	case 3: return sb_string(sb_read_text(r));
	case 4: return sb_number(sb_read_text(r));
	case 5:
	case 6: {
		sb_value *v = sb_new(tag == 5 ? SB_LIST : SB_OBJECT);
		if (depth >= SB_MAX_DEPTH) r->failed = true;
		for (uint64_t n = sb_read_count(r); n > 0 && !r->failed; n--) {
			sb_text key = tag == 6 ? sb_read_text(r) : (sb_text){ "", 0 };
			sb_add(v, key, sb_read_value(r, depth + 1));
		}
		return v;
	}
	case 7: {
		sb_value *v = sb_new(SB_ARTIFACT);
		v->file = sb_alloc(sizeof *v->file);
		v->file->digest = sb_read_text(r);
		v->file->media_type = sb_read_text(r);
		uint64_t size = sb_read_count(r);
		v->file->size = (int64_t)(size >> 1 ^ (0 - (size & 1)));
		v->file->name = sb_read_text(r);
		v->file->path = sb_read_text(r);
		return v;
	}
	}
	r->failed = true;
	return sb_null();
}

SB_FN void sb_read_step(sb_reader *r, sb_text *name, sb_text *key) {
	sb_read_text(r); /* its kind */
	*name = sb_read_text(r);
	*key = sb_read_text(r);
	sb_read_count(r); /* its iteration */
}

/* False when the bytes are not a task. The texts of the task are parts of them. */
SB_FN bool sb_read_task(sb_task *t, const void *data, size_t length) {
	sb_reader r = { data, (const unsigned char *)data + length, false };
	sb_text module, key;
	if (sb_read_byte(&r) != 1) return false;
	t->type = sb_read_text(&r);
	t->owner = sb_read_text(&r);
	t->pipeline = sb_read_text(&r);
	t->checkpoint = sb_read_text(&r);
	t->run = sb_read_text(&r);
	for (uint64_t n = sb_read_count(&r); n > 0 && !r.failed; n--) sb_read_step(&r, &module, &key);
	sb_read_step(&r, &t->node, &t->key);
	t->attempt = sb_read_count(&r);
	for (uint64_t n = sb_read_count(&r); n > 0 && !r.failed; n--) sb_read_count(&r);
	sb_read_text(&r); /* the name of an artifact: not of a task */
	t->time = (int64_t)sb_read_fixed(&r);
	t->deadline = (int64_t)sb_read_fixed(&r);
	t->seed = sb_read_fixed(&r);
	if (sb_read_byte(&r) != 1) return false;
	t->inputs = sb_read_value(&r, 0);
	if (t->inputs->kind == SB_NULL) t->inputs = sb_object();
	return !r.failed && r.at == r.end && t->inputs->kind == SB_OBJECT;
}

/* ---- The codec: writing ---- */

typedef struct { unsigned char *at; size_t length, room; const char *problem; } sb_writer;

SB_FN void sb_write(sb_writer *w, const void *data, size_t n) {
	if (n > w->room - w->length) {
		size_t room = 2 * w->room + n + 256;
		unsigned char *more = sb_alloc(room);
		if (w->length) memcpy(more, w->at, w->length);
		w->at = more;
		w->room = room;
	}
	if (n) memcpy(w->at + w->length, data, n);
	w->length += n;
}

SB_FN void sb_write_byte(sb_writer *w, unsigned char b) { sb_write(w, &b, 1); }

SB_FN void sb_write_count(sb_writer *w, uint64_t n) {
	for (; n >= 0x80; n >>= 7) sb_write_byte(w, (unsigned char)(n | 0x80));
	sb_write_byte(w, (unsigned char)n);
}

SB_FN void sb_write_text(sb_writer *w, sb_text t) {
	sb_write_count(w, t.length);
	sb_write(w, t.at, t.length);
}

SB_FN int sb_compare(sb_text a, sb_text b) {
	int c = memcmp(a.at, b.at, a.length < b.length ? a.length : b.length);
	return c ? c : (a.length > b.length) - (a.length < b.length);
}

/* Sorts fields by their keys' bytes: a heap sort, which needs no memory. */
SB_FN void sb_sort(sb_field *f, size_t n) {
	for (size_t i = n / 2, end = n; end > 1;) {
		if (i) i--;
		else {
			sb_field last = f[--end];
			f[end] = f[0];
			f[0] = last;
		}
		for (size_t k = i, child; (child = 2 * k + 1) < end; k = child) {
			if (child + 1 < end && sb_compare(f[child].key, f[child + 1].key) < 0) child++;
			if (sb_compare(f[k].key, f[child].key) >= 0) break;
			sb_field swap = f[k];
			f[k] = f[child];
			f[child] = swap;
		}
	}
}

SB_FN void sb_write_value(sb_writer *w, const sb_value *v, int depth) {
	static const unsigned char tags[] = { 0, 1, 3, 4, 5, 6, 7 };
	if ((v->kind == SB_LIST || v->kind == SB_OBJECT) && depth >= SB_MAX_DEPTH) w->problem = "an output is nested deeper than 128";
	if (w->problem) return;
	sb_write_byte(w, v->kind == SB_BOOL && v->flag ? 2 : tags[v->kind]);
	switch (v->kind) {
	case SB_NULL:
	case SB_BOOL: return;
	case SB_TEXT:
	case SB_NUMBER: sb_write_text(w, v->text); return;
	case SB_OBJECT: sb_sort(v->fields, v->count); /* fall through */
	case SB_LIST:
		sb_write_count(w, v->count);
		for (size_t i = 0; i < v->count; i++) {
			if (v->kind == SB_OBJECT) {
				if (i && sb_compare(v->fields[i - 1].key, v->fields[i].key) == 0) w->problem = "an output has the same key twice";
				sb_write_text(w, v->fields[i].key);
			}
			sb_write_value(w, v->fields[i].value, depth + 1);
		}
		return;
	case SB_ARTIFACT:
		sb_write_text(w, v->file->digest);
		sb_write_text(w, v->file->media_type);
		sb_write_count(w, (uint64_t)v->file->size << 1 ^ (0 - (uint64_t)(v->file->size < 0)));
		sb_write_text(w, v->file->name);
		sb_write_text(w, v->file->path);
	}
}

/* Writes how a task ended. */
SB_FN sb_writer sb_write_outcome(sb_task *t) {
	sb_writer w = { NULL, 0, 0, NULL };
	if (!t->failed) {
		sb_write(&w, "\1\0\1", 3);
		sb_write_value(&w, t->outputs, 0);
		if (!w.problem) return w;
		sb_refuse(t, sb_c(w.problem), sb_c("this is a mistake in the node's code"));
		w = (sb_writer){ NULL, 0, 0, NULL };
	}
	sb_write(&w, "\1\1", 2);
	sb_write_text(&w, sb_c("failed"));
	sb_write_text(&w, t->error.message);
	sb_write_text(&w, t->error.hint);
	sb_write_text(&w, t->error.detail);
	sb_write_byte(&w, t->error.permanent);
	return w;
}

/* ---- The module ---- */

typedef struct { const char *type; void (*run)(sb_task *); } sb_node;

SB_FN uint64_t sb_region(const void *at, size_t length) { return (uint64_t)(uintptr_t)at << 32 | length; }

SB_FN uint64_t sb_run(const sb_node *nodes, size_t count, const void *data, size_t length) {
	sb_task t;
	memset(&t, 0, sizeof t);
	t.outputs = sb_object();
	if (!sb_read_task(&t, data, length)) {
		sb_refuse(&t, sb_c("the task cannot be read"), sb_c("build the module with the spinbot.h of this host's version"));
	} else {
		size_t i = 0;
		while (i < count && !sb_same(t.type, nodes[i].type)) i++;
		if (i < count) nodes[i].run(&t);
		else sb_refuse(&t, sb_join(sb_c("the module offers no node type "), t.type), sb_c(""));
	}
	sb_writer w = sb_write_outcome(&t);
	return sb_region(w.at, w.length);
}

/* Makes the exports: manifest is JSON as a C string, what follows the nodes: {"type", function}, … */
#define SPINBOT_MODULE(manifest, ...) \
	static const sb_node sb_nodes[] = { __VA_ARGS__ }; \
	static const char sb_manifest[] = manifest; \
	SB_EXPORT("spinbot_abi") int32_t spinbot_abi(void) { return 1; } \
	SB_EXPORT("spinbot_describe") uint64_t spinbot_describe(void) { return sb_region(sb_manifest, sizeof sb_manifest - 1); } \
	SB_EXPORT("spinbot_alloc") void *spinbot_alloc(size_t n) { sb_reset(); return sb_alloc(n); } \
	SB_EXPORT("spinbot_run") uint64_t spinbot_run(const void *at, size_t n) { return sb_run(sb_nodes, sizeof sb_nodes / sizeof *sb_nodes, at, n); }

#endif
