// The client for Node, browsers and edge runtimes: fetch, and nothing else. index.d.ts says what is
// what; what is tried again and what is not is as in clients/python.

const AGAIN = new Set([408, 429, 502, 503, 504]);
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 1000;
const LONGEST_WAIT = 30_000;
const BATCH = 64;
const EVENTS_A_REQUEST = 1000;

export class Refused extends Error {
  constructor(status, detail) {
    super(`${status}: ${detail}`);
    this.name = "Refused";
    this.status = status;
    this.detail = detail;
    this.reason = `refused_${status}`;
  }
}

export class Unanswered extends Error {
  constructor(reason) {
    super(`the service did not answer (${reason})`);
    this.name = "Unanswered";
    this.reason = reason;
    this.detail = "";
  }
}

export class Client {
  #url;
  #options;

  constructor(url, options = {}) {
    const parsed = new URL(url);
    if (!["http:", "https:"].includes(parsed.protocol)) {
      throw new TypeError(`${url} is no URL of a service; write http://host:port`);
    }
    if (options.token && !/^[!-~]+$/.test(options.token)) {
      throw new TypeError("the token is none; give what `python -m serve token` printed");
    }
    this.#url = parsed.href.replace(/\/+$/, "");
    this.#options = {
      timeout: 200,
      retries: 2,
      defaults: new Map(),
      placeholder: "/static/placeholder.svg",
      fetch: globalThis.fetch.bind(globalThis),
      ...options,
    };
  }

  async decide(request) {
    const asked = named(request);
    try {
      return page(asked, await this.#post("/v1/decide", asked, this.#options.timeout));
    } catch (failed) {
      return this.#fallback(asked, failed);
    }
  }

  async decideMany(requests) {
    const pages = [];
    for (let at = 0; at < requests.length; at += BATCH) {
      const some = requests.slice(at, at + BATCH).map(named);
      try {
        const body = { requests: some };
        const answers = await this.#post("/v1/decide/batch", body, this.#options.timeout);
        pages.push(...some.map((asked, row) => page(asked, answers[row])));
      } catch (failed) {
        pages.push(...some.map((asked) => this.#fallback(asked, failed)));
      }
    }
    return pages;
  }

  async send(events, timeout = 5000) {
    let taken = 0;
    for (let at = 0; at < events.length; at += EVENTS_A_REQUEST) {
      const some = events.slice(at, at + EVENTS_A_REQUEST);
      for (const event of some) event.event_id ??= newId();
      taken += (await this.#post("/v1/events", { events: some }, timeout)).accepted;
    }
    return taken;
  }

  explain(request) {
    return this.#post("/v1/explain", named(request), 5000);
  }

  #fallback(asked, failed) {
    if (!(failed instanceof Refused || failed instanceof Unanswered)) throw failed;
    const { defaults, placeholder } = this.#options;
    const shows = new Map((asked.shown ?? []).map((one) => [one.title_id, one.artwork_id]));
    const decisions = [...new Set(asked.title_ids)].map((title_id) => {
      const known = defaults.get(title_id);
      const shown = shows.get(title_id);
      const own = may(asked, title_id, known, shown) ? known : undefined;
      return {
        title_id,
        artwork_id: shown ?? own?.artwork_id ?? null,
        url: own?.url ?? placeholder,
        decision_id: null,
        propensity: null,
        level: shown !== undefined ? "shown" : own ? "default" : "placeholder",
      };
    });
    return {
      request_id: asked.request_id,
      decisions,
      source: "defaults",
      reason: failed.reason,
      detail: failed.detail,
      bundle: null,
      logged: false,
    };
  }

  async #post(path, body, timeout) {
    const text = JSON.stringify(body);
    const due = performance.now() + timeout;
    let reason = "deadline";
    for (let tried = 0; tried <= this.#options.retries; tried += 1) {
      const left = due - performance.now();
      if (left <= 0) break;
      let asked = 0;
      try {
        const [status, held, after] = await this.#once(path, text, left);
        if (status === 200) return held;
        if (!AGAIN.has(status)) throw new Refused(status, String(held?.detail ?? ""));
        [reason, asked] = [`status_${status}`, after];
      } catch (failed) {
        if (failed instanceof Refused) throw failed;
        if (failed instanceof SyntaxError) reason = "no_json";
        else reason = failed?.name === "TimeoutError" ? "deadline" : "unreachable";
      }
      const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** tried);
      const wait = Math.max(asked, longest * (0.5 + 0.5 * Math.random()));
      if (performance.now() + wait >= due) break;
      await sleep(wait);
    }
    throw new Unanswered(reason);
  }

  async #once(path, text, left) {
    const headers = { "Content-Type": "application/json", "X-Deadline-Ms": String(0.9 * left) };
    if (this.#options.token) headers.Authorization = `Bearer ${this.#options.token}`;
    const signal = AbortSignal.timeout(Math.ceil(left));
    const sent = { method: "POST", body: text, headers, signal };
    const answer = await this.#options.fetch(this.#url + path, sent);
    const after = 1000 * Number(answer.headers.get("Retry-After") ?? 0);
    return [answer.status, await answer.json(), Number.isFinite(after) ? after : 0];
  }
}

export class EventSender {
  #client;
  #every;
  #most;
  #waiting = [];
  #timer = null;
  #running = null;
  sent = 0;
  dropped = 0;
  refused = 0;
  lastRefusal = "";

  constructor(client, { every = 500, most = 10_000 } = {}) {
    this.#client = client;
    this.#every = every;
    this.#most = most;
  }

  add(event) {
    event.event_id ??= newId();
    this.#waiting.push(event);
    if (this.#waiting.length > this.#most) {
      this.#waiting.shift();
      this.dropped += 1;
    }
    this.#later(this.#every);
  }

  async close(patience = 10_000) {
    const due = performance.now() + patience;
    while (this.#waiting.length && performance.now() < due) {
      await this.#run();
      if (this.#waiting.length) await sleep(100);
    }
    clearTimeout(this.#timer);
    return this.#waiting.length;
  }

  #later(wait) {
    this.#timer ??= setTimeout(() => this.#run(wait), wait);
  }

  #run(waited = 0) {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#running ??= this.#sendAll(waited).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #sendAll(waited) {
    while (this.#waiting.length) {
      const some = this.#waiting.slice(0, EVENTS_A_REQUEST);
      if (!(await this.#send(some))) {
        this.#later(Math.min(LONGEST_WAIT, Math.max(100, 2 * waited)));
        return;
      }
    }
  }

  async #send(some) {
    try {
      await this.#client.send(some);
      this.sent += some.length;
    } catch (failed) {
      if (!(failed instanceof Refused) || failed.status !== 422) return false;
      if (some.length > 1) {
        // One of them spoils it for the others.
        const half = some.length >> 1;
        return (await this.#send(some.slice(0, half))) && (await this.#send(some.slice(half)));
      }
      this.refused += 1;
      this.lastRefusal = failed.detail;
    }
    const gone = new Set(some);
    this.#waiting = this.#waiting.filter((event) => !gone.has(event));
    return true;
  }
}

function named(request) {
  return { ...request, request_id: request.request_id ?? newId() };
}

/** Whether a page may show a title's default; of what it shows itself, whether that is it. */
function may(asked, title_id, known, shown) {
  const artwork = known?.artwork_id;
  if (shown !== undefined) return artwork === shown;
  const among = asked.candidates?.[title_id];
  if (artwork === undefined) return !among && !asked.exclude?.length;
  return !asked.exclude?.includes(artwork) && (!among || among.includes(artwork));
}

function page(asked, answer) {
  const found = new Map((answer?.decisions ?? []).map((one) => [one.title_id, one]));
  const decisions = [...new Set(asked.title_ids)].map((title) => found.get(title));
  if (decisions.includes(undefined)) throw new Unanswered("no_answer");
  const { bundle, reason, logged } = answer;
  const shared = { request_id: asked.request_id, source: "service", detail: "" };
  return { ...shared, decisions, reason, bundle, logged };
}

function newId() {
  return globalThis.crypto.randomUUID().replaceAll("-", "");
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
