/* rot13.text: a control node in C. */
#include "../spinbot.h"

static char turn(char c) {
	if (c >= 'a' && c <= 'z') return (char)((c - 'a' + 13) % 26 + 'a');
	if (c >= 'A' && c <= 'Z') return (char)((c - 'A' + 13) % 26 + 'A');
	return c;
}

static void rot13(sb_task *t) {
	sb_text in = sb_input_text(t, "text");
	if (t->failed) return;
	if (in.length == 0) {
		sb_refuse(t, sb_c("the text is empty"), sb_c("give a text with at least one letter"));
		return;
	}
	char *out = sb_alloc(in.length);
	for (size_t i = 0; i < in.length; i++) out[i] = turn(in.at[i]);
	sb_log(1, sb_join(sb_digits((int64_t)in.length), sb_c(" bytes")));
	sb_output(t, "text", sb_string((sb_text){ out, in.length }));
}

SPINBOT_MODULE(
	"{\"name\": \"rot13\", \"version\": \"1.0.0\", \"description\": \"Hides texts from a quick look\", \"node_types\": [{"
	"  \"name\": \"rot13.text\", \"description\": \"Moves each letter on by 13; twice gives the text again\","
	"  \"revision\": \"1\", \"idempotent\": true,"
	"  \"inputs\": {\"type\": \"object\", \"required\": [\"text\"],"
	"    \"properties\": {\"text\": {\"type\": \"string\", \"description\": \"Any text\"}}},"
	"  \"outputs\": {\"type\": \"object\", \"required\": [\"text\"],"
	"    \"properties\": {\"text\": {\"type\": \"string\", \"description\": \"The text with its letters moved on\"}}}"
	"}]}",
	{ "rot13.text", rot13 })
