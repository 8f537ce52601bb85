/* One attempt between a host and an agent: dispatch, beat, loss, restart, result, commit. `make models` checks it.
 *
 * What the code says is in host/internal/core/protocol. A stream is a bit here: an entry stands there or not. A message that
 * comes again, or late, is one that stands there again after it was read or deleted (fault `again`); one that is lost is
 * deleted unread (fault `lose`). Each thing that a process does on its own is a proctype, so that weak fairness speaks of it.
 *
 * Safety: an attempt begins at most once, and ends at most once in the journal (assertions).
 * Liveness, once there are no more faults: it ends, and then nobody holds anything (ltl).
 */

#ifndef FAULTS
#define FAULTS 3
#endif

mtype = { none, starting, running, finished };	/* what the agent holds */
mtype = { nothing, sent, ended };		/* what the journal says; durable */
mtype = { blank, begun, result, gone };		/* what the agent has noted; durable */
mtype = { unknown, waits, told, written };	/* what the host's process knows */

/* Redis. x is there; xSent: it was at some time; xRead: the present process of its reader has seen it */
bool task, taskSent, taskRead;
bool res, resSent, resRead;
bool drop, dropSent;
bool askAgain;
bool beatThere; byte beatSession; bool beatListed, beatDone;

/* durable */
mtype journal = nothing;
byte intended;		/* the session that the intent names; 0: none */
mtype notes = blank;

/* the agent's process */
mtype held = none;
bool tomb, dropped;
byte session = 1;
bool unsent;		/* a result that is noted and has not been sent */

/* the host's process */
mtype host = unknown;
bool body, attached, early, ask;
byte heardSession, sentSession, missing, late;

byte begins, ends;
byte faults = FAULTS;

inline sendTask() { task = true; taskSent = true; taskRead = false }
inline sendDrop() { drop = true; dropSent = true }
inline sendResult() { res = true; resSent = true; resRead = false }
inline forget() { notes = gone; held = none; dropped = false; task = false }

/* ---- the agent ---- */

proctype AgentReads() {
	do
	:: atomic { task && !taskRead ->
		taskRead = true;
		if
		:: held != none
		:: held == none && tomb -> task = false
		:: held == none && !tomb -> notes = begun; held = starting
		fi }
	od
}

proctype AgentBegins() {
	do
	:: atomic { held == starting -> begins++; assert(begins <= 1); held = running }
	od
}

proctype AgentFinishes() {
	do
	:: atomic { held == running ->
		if
		:: dropped -> forget()
		:: else -> notes = result; held = finished; unsent = true
		fi }
	od
}

proctype AgentSends() {
	do
	:: atomic { unsent -> unsent = false; sendResult() }
	od
}

proctype AgentIsTold() {
	do
	:: atomic { drop ->
		drop = false; tomb = true;
		if
		:: held == finished -> unsent = false; forget()
		:: held == none -> notes = gone
		:: else -> dropped = true
		fi }
	:: atomic { askAgain -> askAgain = false; if :: held == finished -> unsent = true :: else fi }
	od
}

/* It has read all that stood there before it beats. */
proctype AgentBeats() {
	do
	:: atomic { !beatThere && (!task || taskRead) ->
		beatThere = true; beatSession = session;
		beatListed = (held != none && !dropped); beatDone = (held == finished && !dropped) }
	od
}

inline restartAgent() {
	session++; taskRead = false; dropped = false; tomb = false; unsent = false;
	if
	:: notes == blank -> held = none
	:: notes == gone -> held = none; tomb = true
	:: notes == begun || notes == result -> notes = result; held = finished; unsent = true
	fi
}

/* ---- the host ---- */

proctype HostIntends() {
	atomic { journal == nothing ->
		journal = sent;
		if
		:: intended = heardSession
		:: intended = session			/* as its hello says */
		:: session > 1 -> intended = session - 1	/* as an older one did */
		fi }
}

/* It sends what it has intended in this process; what an earlier one intended it waits for, with a body if it can make one. fresh
 * tells them apart. */
bool fresh = true;
proctype HostDispatches() {
	do
	:: atomic { journal == sent && host == unknown ->
		host = waits; missing = 0; late = 0;
		if
		:: fresh -> body = true; attached = false; sentSession = heardSession; sendTask()
		:: else ->
			attached = true; sentSession = intended;
			if :: body = true :: body = false fi;
			if :: early -> early = false; host = told :: else fi
		fi }
	od
}

proctype HostHears() {
	do
	:: atomic { res && !resRead ->
		resRead = true;
		if
		:: host == waits -> host = told
		:: host == told
		:: host == unknown || host == written -> early = true; ask = true
		fi }
	od
}

proctype HostWrites() {
	do
	:: atomic { host == told && journal == sent -> journal = ended; ends++; assert(ends <= 1) }
	:: atomic { host == told && journal == ended -> host = written; sendDrop(); res = false }
	od
}

proctype HostAnswers() {
	do
	:: atomic { ask ->
		ask = false;
		if
		:: journal == sent
		:: else -> sendDrop(); if :: early -> early = false; res = false :: else fi
		fi }
	od
}

inline isMissing() {
	if :: missing < 2 -> missing++ :: else fi;
	if
	:: sentSession != 0 && sentSession != beatSession -> host = told
	:: else ->
		if
		:: missing < 2
		:: missing >= 2 && (!body || attached && sentSession == 0) -> host = told
		:: missing >= 2 && body && !(attached && sentSession == 0) -> missing = 0; sendTask()
		fi
	fi
}

proctype HostHearsBeats() {
	do
	:: atomic { beatThere ->
		beatThere = false; heardSession = beatSession;
		if
		:: host == waits && beatListed ->
			missing = 0; sentSession = beatSession;
			if
			:: beatDone -> if :: late < 2 -> late++ :: else fi; if :: late >= 2 -> late = 0; askAgain = true :: else fi
			:: else
			fi
		:: host == waits && !beatListed -> isMissing()
		:: host != waits && host != told && beatListed -> ask = true
		:: else
		fi }
	od
}

inline restartHost() {
	host = unknown; fresh = false; body = false; attached = false; early = false; ask = false; resRead = false;
	heardSession = 0; sentSession = 0; missing = 0; late = 0
}

/* ---- what goes wrong ---- */

proctype Harm() {
	do
	:: atomic { faults > 0 -> faults--;
		if
		:: restartAgent()
		:: journal != nothing -> restartHost()
		:: task -> task = false				/* lose */
		:: res -> res = false
		:: drop -> drop = false
		:: askAgain -> askAgain = false
		:: beatThere -> beatThere = false
		:: taskSent -> task = true; taskRead = false	/* again */
		:: resSent -> res = true; resRead = false
		:: dropSent -> drop = true
		:: !beatThere && session > 1 -> beatThere = true; beatSession = session - 1; beatListed = false; beatDone = false
		:: host == waits -> host = told			/* taken for lost: the agent was not heard */
		:: skip
		fi }
	:: faults == 0 -> break
	od
}

init {
	atomic {
		run AgentReads(); run AgentBegins(); run AgentFinishes(); run AgentSends(); run AgentIsTold(); run AgentBeats();
		run HostIntends(); run HostDispatches(); run HostHears(); run HostWrites(); run HostAnswers(); run HostHearsBeats();
		run Harm()
	}
}

ltl ends { <> (journal == ended) }
ltl quiet { <> [] (held == none && !task && !res) }
