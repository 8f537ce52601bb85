/* A guest that gives back what it is told, for the test vectors. */
#include "spinbot.h"

static void values(sb_task *t) { t->outputs = t->inputs; }

static void task(sb_task *t) {
	sb_value *saved = sb_list();
	for (size_t i = 0; i < t->checkpoint.length; i++) sb_push(saved, sb_integer((unsigned char)t->checkpoint.at[i]));
	sb_output(t, "type", sb_string(t->type));
	sb_output(t, "owner", sb_string(t->owner));
	sb_output(t, "pipeline", sb_string(t->pipeline));
	sb_output(t, "checkpoint", saved);
	sb_output(t, "run", sb_string(t->run));
	sb_output(t, "node", sb_string(sb_join(t->node, t->key)));
	sb_output(t, "attempt", sb_integer((int64_t)t->attempt));
	sb_output(t, "time", sb_integer(t->time));
	sb_output(t, "deadline", sb_integer(t->deadline));
	sb_output(t, "seed", sb_integer((int64_t)t->seed));
	sb_output(t, "inputs", t->inputs);
}

static void fail(sb_task *t) {
	sb_text message = sb_input_text(t, "message"), hint = sb_input_text(t, "hint"), detail = sb_input_text(t, "detail");
	if (sb_input_bool(t, "permanent")) sb_refuse(t, message, hint);
	else sb_fail(t, message, hint);
	t->error.detail = detail;
}

static void file(sb_task *t) {
	sb_text text;
	sb_value *v = sb_input(t, "file", SB_ARTIFACT);
	if (v && sb_read_file(v->file, &text)) sb_output(t, "text", sb_string(text));
	else sb_refuse(t, sb_c("the file cannot be read"), sb_c(""));
}

SPINBOT_MODULE("{}", { "echo.values", values }, { "echo.task", task }, { "echo.fail", fail }, { "echo.file", file })
