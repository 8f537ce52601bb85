/* Ownership of a run among hosts on one database, as host/internal/store/pgstore has it: sessions, epochs, numbered
 * groups of appends, numbered adoptions. `make models` has SPIN try every order in which things may happen.
 *
 * The database carries out each request in one step, as a transaction does. The network delays requests without bound,
 * delivers them twice, and loses answers, upon which the host asks again. A host may be taken for dead at any time while it
 * lives, freeze between any two steps, be killed for good, or start again (a new session) with requests of its former self
 * still under way. Host 0 lives. How often each happens is bounded, so that the search ends.
 *
 * Held to be true: an append is accepted only from the session that owned the run when it was decided and ever since; it
 * is stored once; who is told otherwise is told the truth; an epoch is given to one session only. And whenever nothing is
 * left to happen, the run is owned by a session that lives and knows. */

#ifndef HOSTS
#define HOSTS 3
#endif
#ifndef APPENDS
#define APPENDS 3	/* decided, by all hosts together */
#endif
#ifndef SILENCES
#define SILENCES 3	/* times that a host which lives is taken for dead */
#endif
#ifndef RESTARTS
#define RESTARTS 2
#endif
#ifndef LOSSES
#define LOSSES 2	/* answers that get lost */
#endif

/* What the checks of the database are worth: each can be left out, and then SPIN finds what goes wrong. */
#ifndef CHECK_EPOCH
#define CHECK_EPOCH (epoch == r.e)
#endif
#ifndef CHECK_SESSION
#define CHECK_SESSION (session[h] == r.s)
#endif
#ifndef CHECK_GROUP
#define CHECK_GROUP (commits[h] == r.n - 1)
#endif
#ifndef CHECK_ADOPTION
#define CHECK_ADOPTION (adoptions[h] < r.n)
#endif

typedef request {
	bool due;	/* it is under way */
	byte s, n;	/* session, number of the group or of the adoption */
	byte e, q;	/* epoch of the run as it is known, last event */
	byte c;		/* changes of the owner when it was decided */
	bool done	/* it was stored */
}

/* The database. */
byte owner = 0, epoch = 1, seq = 1;
byte by_s = 0, by_n = 0;	/* the adoption by the owner */
byte session[HOSTS], commits[HOSTS], adoptions[HOSTS];
bool stored[HOSTS];		/* what became of the last group */
bool silent[HOSTS];

/* The network: of each host the last request of its kind, and the one before, which may arrive yet. */
request put[HOSTS], old_put[HOSTS], ask[HOSTS], old_ask[HOSTS];

/* The hosts: sessions that live, the epochs they own the run at, what they wait for. */
bool lives[HOSTS];
byte known[HOSTS];
bool puts[HOSTS], asks[HOSTS];		/* an append, an adoption: a host may do both at once */
bool put_answered[HOSTS], ask_answered[HOSTS];

byte changes, appends, silences, restarts, losses;
byte given[32];			/* to which host and session an epoch was given; 0: to none yet */

inline move(from, to) {
	to.due = from.s > 0; to.s = from.s; to.n = from.n; to.e = from.e; to.q = from.q; to.c = from.c; to.done = from.done;
	from.due = false
}

inline give(h, e) {
	assert(given[e] == 0 || given[e] == 1 + h + HOSTS * session[h]);
	given[e] = 1 + h + HOSTS * session[h]
}

/* An append arrives. The answer reaches who waits for it, unless it is a former session, or one before. */
inline arrive_put(h, r, last) {
	if
	:: CHECK_SESSION ->
		if
		:: CHECK_GROUP ->
			commits[h] = r.n;
			stored[h] = (owner == h && CHECK_EPOCH && seq == r.q);
			if
			:: stored[h] ->
				assert(r.c == changes && !r.done);
				seq++; r.done = true
			:: else
			fi
		:: else
		fi;
		if
		:: last && puts[h] && losses < LOSSES -> losses++	/* the answer is lost: it is asked again */
		:: last && puts[h] -> put_answered[h] = true; r.due = false
		:: !(last && puts[h]) -> r.due = false
		fi
	:: else -> r.due = false
	fi
}

inline arrive_ask(h, r, last) {
	if
	:: CHECK_SESSION ->
		silent[h] = false;
		if
		:: CHECK_ADOPTION ->
			adoptions[h] = r.n;
			if
			:: owner != h && silent[owner] ->
				owner = h; epoch++; changes++; by_s = r.s; by_n = r.n
			:: else
			fi
		:: else
		fi;
		if
		:: last && asks[h] && losses < LOSSES -> losses++
		:: last && asks[h] -> ask_answered[h] = true; r.due = false;
			if
			:: owner == h && by_s == r.s && by_n == r.n -> known[h] = epoch; give(h, epoch)
			:: else
			fi
		:: !(last && asks[h]) -> r.due = false
		fi
	:: else -> r.due = false
	fi
}

proctype network(byte h) {
end:	do
	:: d_step { put[h].due && !(puts[h] && losses < LOSSES) -> arrive_put(h, put[h], true) }
	:: atomic { put[h].due && puts[h] && losses < LOSSES -> arrive_put(h, put[h], true) }
	:: d_step { old_put[h].due -> arrive_put(h, old_put[h], false) }
	:: d_step { ask[h].due && !(asks[h] && losses < LOSSES) -> arrive_ask(h, ask[h], true) }
	:: atomic { ask[h].due && asks[h] && losses < LOSSES -> arrive_ask(h, ask[h], true) }
	:: d_step { old_ask[h].due -> arrive_ask(h, old_ask[h], false) }
	:: atomic { !silent[h] && (!lives[h] || silences < SILENCES) ->
		if :: lives[h] -> silences++ :: else fi;
		silent[h] = true }
	od
}

proctype host(byte h) {
end:	do
	:: d_step { lives[h] && !puts[h] && known[h] > 0 && appends < APPENDS ->	/* what the journal asks for */
		appends++;
		move(put[h], old_put[h]);
		put[h].due = true; put[h].s = session[h]; put[h].n = commits[h] + 1; put[h].e = known[h]; put[h].q = seq;
		put[h].c = changes; put[h].done = false;
		puts[h] = true; put_answered[h] = false }
	:: d_step { lives[h] && !asks[h] && owner != h && silent[owner] ->		/* Adopt; else it finds nothing */
		move(ask[h], old_ask[h]);
		ask[h].due = true; ask[h].s = session[h]; ask[h].n = adoptions[h] + 1;
		asks[h] = true; ask_answered[h] = false }
	:: d_step { lives[h] && puts[h] && put_answered[h] ->
		assert(stored[h] == put[h].done);
		if
		:: !stored[h] && known[h] == put[h].e && !(owner == h && epoch == known[h]) -> known[h] = 0
		:: else
		fi;
		puts[h] = false }
	:: d_step { lives[h] && asks[h] && ask_answered[h] -> asks[h] = false }
	:: d_step { lives[h] && silent[h] -> silent[h] = false }				/* Beat */
	:: d_step { h > 0 && lives[h] -> lives[h] = false; known[h] = 0 }			/* killed */
	:: d_step { h > 0 && restarts < RESTARTS ->						/* Open, which fences */
		restarts++;
		move(put[h], old_put[h]); move(ask[h], old_ask[h]);
		session[h]++; commits[h] = 0; adoptions[h] = 0; silent[h] = false; lives[h] = true;
		puts[h] = false; asks[h] = false; put_answered[h] = false; ask_answered[h] = false;
		if
		:: owner == h -> changes++; known[h] = epoch
		:: else -> known[h] = 0
		fi }
	od
}

init {
	atomic {
		byte i;
		for (i : 0 .. HOSTS - 1) {
			session[i] = 1; lives[i] = true;
			run network(i); run host(i)
		}
		known[0] = 1;
		given[1] = 1 + HOSTS
	}
	timeout;	/* nothing is left to happen */
	assert(lives[owner] && known[owner] == epoch)
}
