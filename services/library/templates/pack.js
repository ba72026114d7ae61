"use strict";
// Keeps the watched intervals of each item in localStorage until the service has stored them.
//
// A record is {fresh: {item: {length, segments: [[from, to], ...]}}, sealed: [statement, ...]}.
// What is sent is sealed first: a statement gets its id once and never changes, so that a repeat
// after a lost answer is recognised by its id and counts nothing twice.

const PAUSED = "https://w3id.org/xapi/video/verbs/paused";
const AT_ONCE = 100; // statements in a request; the service takes up to 1000
const LONGEST_STEP = 2; // seconds between two timeupdates of a player that plays; more is a jump
const MOST_SEGMENTS = 1000; // of a statement: played_segments has up to 100,000 characters

const emptyRecord = () => ({ fresh: {}, sealed: [] });

// Returns the union of intervals in seconds, in order.
function merged(segments) {
  const union = [];
  for (const [from, to] of [...segments].sort((a, b) => a[0] - b[0])) {
    const last = union[union.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else union.push([from, to]);
  }
  return union;
}

// Returns intervals as the xAPI video profile 1.0.3 writes them, section 2.4: 0[.]10[,]20[.]30
function written(segments) {
  const seconds = (time) => String(Math.round(time * 1000) / 1000);
  return segments.map(([from, to]) => `${seconds(from)}[.]${seconds(to)}`).join("[,]");
}

// Adds an interval that was played to a record.
function played(record, item, length, from, to) {
  const known = record.fresh[item] || { length: 0, segments: [] };
  record.fresh[item] = { length: length || known.length, segments: merged([...known.segments, [from, to]]) };
}

// Makes statements of all that is fresh.
function seal(record, run, newId, now) {
  for (const [item, { length, segments }] of Object.entries(record.fresh)) {
    for (let at = 0; at < segments.length; at += MOST_SEGMENTS) {
      record.sealed.push({
        id: newId(),
        verb: PAUSED,
        runId: run,
        itemId: item,
        timestamp: now,
        video: { length, playedSegments: written(segments.slice(at, at + MOST_SEGMENTS)) },
      });
    }
  }
  record.fresh = {};
}

// Removes the statements that an answer says are stored; those that are refused go to the end.
// Returns why they are refused. proto3 JSON leaves out a row of 0 and empty lists.
function settle(record, sent, results) {
  const stored = new Set(), refused = new Set(), reasons = [];
  for (const result of results) {
    const { id } = sent[result.row || 0];
    const violations = result.violations || [];
    (violations.length ? refused : stored).add(id);
    reasons.push(...violations.map((each) => `${each.field}: ${each.wrong}`));
  }
  const left = record.sealed.filter(({ id }) => !stored.has(id));
  record.sealed = [...left.filter(({ id }) => !refused.has(id)), ...left.filter(({ id }) => refused.has(id))];
  return reasons;
}

// Adds one record to another: what was watched before the page knew who watches.
function adopt(record, other) {
  for (const [item, { length, segments }] of Object.entries(other.fresh)) {
    for (const [from, to] of segments) played(record, item, length, from, to);
  }
  record.sealed.push(...other.sealed);
}

// A UUID of version 4 (RFC 9562, section 5.4). crypto.randomUUID needs a secure origin, which a
// file is not everywhere.
function newUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// Sends all that is kept, some statements at a time. `keep` stores the record, `post` sends a body
// and returns the answer; if it throws, everything stays for the next time. Returns the reasons of
// refused statements.
async function sendAll(load, keep, learner, run, post) {
  let record = load();
  seal(record, run, newUuid, new Date().toISOString());
  keep(record);
  const reasons = [];
  for (let left = record.sealed.length; left > 0; left -= AT_ONCE) {
    const sent = record.sealed.slice(0, Math.min(AT_ONCE, left));
    const statements = sent.map((each) => ({ ...each, learnerId: learner }));
    const answer = await post({ statements });
    record = load(); // the players go on meanwhile
    reasons.push(...settle(record, sent, answer.results || []));
    keep(record);
  }
  return reasons;
}

// Calls `tell` with each interval that a player plays.
function watch(player, tell) {
  let last = null;
  const step = () => {
    const now = player.currentTime;
    const goesOn = last !== null && now > last && now - last <= LONGEST_STEP * player.playbackRate;
    if (goesOn) tell(player.dataset.item, Number.isFinite(player.duration) ? player.duration : 0, last, now);
    last = now;
  };
  player.addEventListener("play", () => { last = player.currentTime; });
  // A seek moves currentTime before it is told, so nothing counts until the next step.
  player.addEventListener("seeking", () => { last = null; });
  player.addEventListener("seeked", () => { last = player.currentTime; });
  player.addEventListener("timeupdate", () => { if (!player.seeking) step(); });
  for (const name of ["pause", "ended"]) player.addEventListener(name, () => { if (!player.seeking) step(); last = null; });
}

function start() {
  const run = document.body.dataset.run;
  // The learner's app opens index.html#token=...&url=...&learner=...
  const given = new URLSearchParams(location.hash.slice(1));
  const [token, url, learner] = ["token", "url", "learner"].map((name) => given.get(name) || "");
  if (token) history.replaceState(null, "", location.pathname); // a token is not for the history
  const placeOf = (who) => `tandem-pack/${JSON.stringify([run, who])}`;
  const load = (who = learner) => JSON.parse(localStorage.getItem(placeOf(who))) || emptyRecord();
  const keep = (record) => localStorage.setItem(placeOf(learner), JSON.stringify(record));
  const tell = (text) => { document.getElementById("told").textContent = text; };
  const canSend = token && learner && /^https?:\/\//.test(url);

  if (learner && localStorage.getItem(placeOf(""))) {
    const record = load();
    adopt(record, load(""));
    keep(record);
    localStorage.removeItem(placeOf(""));
  }
  for (const player of document.querySelectorAll("[data-item]")) {
    watch(player, (...interval) => {
      const record = load();
      played(record, ...interval);
      keep(record);
    });
  }

  const post = async (body) => {
    const address = `${url.replace(/\/$/, "")}/tandem.progress.v1.ProgressService/RecordStatements`;
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
    const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`the service answers ${answer.status}`);
    return answer.json();
  };
  let sending = false;
  const send = async () => {
    if (!canSend) return tell("Open this page from your app to send, or save it as a file.");
    if (sending) return;
    sending = true;
    try {
      const reasons = await sendAll(load, keep, learner, run, post);
      tell(reasons.length ? `Refused, and kept: ${reasons.join("; ")}` : "All is sent.");
    } catch (error) {
      tell(`Not sent yet, and kept: ${error.message}`);
    } finally {
      sending = false;
    }
  };
  const save = () => {
    const record = load();
    seal(record, run, newUuid, new Date().toISOString());
    keep(record);
    const statements = record.sealed.map((each) => ({ ...each, learnerId: learner }));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify({ statements })], { type: "application/json" }));
    link.download = "watched.json";
    link.click();
  };
  document.getElementById("send").addEventListener("click", send);
  document.getElementById("save").addEventListener("click", save);
  addEventListener("online", send);
  if (canSend && navigator.onLine) send();
}

if (typeof document !== "undefined") start();
