/** As the catalogue has them; 7 and "7" are two titles. */
export type TitleId = number | string;

/** A page: who looks, at which titles, and what is known now. */
export interface PageRequest {
  profile_id: string;
  title_ids: TitleId[];
  facts?: Record<string, unknown>;
  /** Made once where it is left out, and the same for every retry. */
  request_id?: string;
  /** Days since 1970-01-01; today when left out. */
  day?: number;
  cell?: string;
  fresh?: boolean;
  /** false where the member opted out. */
  profiling?: boolean;
  canvas?: string | string[];
  languages?: string[];
  /** Of assets that the page shows beside artwork, in their order; artwork alone when left out. */
  kinds?: string[];
  /** Title → ids of its artwork that may be shown; all of it where a title is not named. */
  candidates?: Record<string, string[]>;
  /** Ids of artwork that may not be shown. */
  exclude?: string[];
  /** The same as the fact of that name, which the catalogue's schema declares. */
  audience?: string;
  /** preview: as a draw, and nothing is logged; unpersonalised: what all members are shown. */
  mode?: "draw" | "preview" | "unpersonalised";
  /** What the page shows now: answered unchanged, logged beside what Marquee would have done. */
  shown?: ShownNow[];
}

/** What a page shows of a title by a logic of its own. */
export interface ShownNow {
  title_id: TitleId;
  artwork_id: string;
  /** With which it was drawn; left out: it is not known. */
  propensity?: number | null;
}

/** What a canvas shows of an artwork. */
export interface ShownPicture {
  url: string;
  canvas: string | null;
  language: string | null;
  focal: [number, number] | null;
}

/** What is shown of a kind beside the artwork. */
export interface AssetShown {
  asset_id: string;
  text: string | null;
  frames: string[];
  /** Given the artwork and the kinds before it; 1 of a default. */
  propensity: number;
}

/** What to show for one title. */
export interface Decision {
  title_id: TitleId;
  /** null: a placeholder, or a default of which only the URL is known. */
  artwork_id: string | null;
  url: string;
  /** To send with the impression; null: there is nothing to learn from it. */
  decision_id: string | null;
  /** The probability that it was drawn with; null: it was not drawn. */
  propensity: number | null;
  level: "personalised" | "pinned" | "unpersonalised" | "default" | "placeholder" | "shown";
  pictures?: Record<string, ShownPicture> | null;
  /** By kind asked for that the title has. */
  assets?: Record<string, AssetShown> | null;
  /** Of the artwork and all assets. */
  joint_propensity?: number | null;
}

/** A decision for each title asked for, in that order. */
export interface Page {
  request_id: string;
  decisions: Decision[];
  source: "service" | "defaults";
  /** Why it was not decided live; null: it was. */
  reason: string | null;
  /** What the service says is wrong with the request, where it refused it. */
  detail: string;
  bundle: string | null;
  /** Whether the service has logged the decisions. */
  logged: boolean;
}

/** What a member did. */
export interface MarqueeEvent {
  kind: "impression" | "play" | "progress" | "thumb" | (string & {});
  profile_id: string;
  title_id: TitleId;
  artwork_id?: string | null;
  decision_id?: string | null;
  /** Microseconds since 1970-01-01 UTC, or ISO 8601; when it arrives if left out. */
  time?: number | string;
  device?: string;
  surface?: string;
  row?: number;
  column?: number;
  minutes?: number;
  thumb?: number;
  value?: number;
  facts?: Record<string, unknown>;
  /** Made once where it is left out: an event that is sent again counts once. */
  event_id?: string;
}

/** A title's default, where the service does not answer. */
export interface Artwork {
  url: string;
  artwork_id?: string;
}

export interface ClientOptions {
  token?: string;
  /** Milliseconds that a page may take in all, retries among them; 200. */
  timeout?: number;
  /** Times that a request is sent again at most; 2. */
  retries?: number;
  defaults?: Map<TitleId, Artwork>;
  /** URL for titles of which nothing is known. */
  placeholder?: string;
  /** Another fetch than the platform's. */
  fetch?: typeof fetch;
}

/** The service says that a request makes no sense, or may not be made; not sent again. */
export class Refused extends Error {
  readonly status: number;
  readonly detail: string;
}

/** Nothing came back in time. */
export class Unanswered extends Error {
  readonly reason: string;
}

export class Client {
  constructor(url: string, options?: ClientOptions);
  /** Decide a page; never rejects: there is an image for each title whatever happens. */
  decide(request: PageRequest): Promise<Page>;
  /** Decide several pages, 64 a request. */
  decideMany(requests: PageRequest[]): Promise<Page[]>;
  /**
   * Send events, and wait until the service has them on disk; how many it took.
   * Rejects with `Refused` where one makes no sense, with `Unanswered` where none were taken:
   * then send the same objects again, each counts once.
   */
  send(events: MarqueeEvent[], timeout?: number): Promise<number>;
  /** Why a page of one title shows its artwork, as /v1/explain answers. */
  explain(request: PageRequest): Promise<Record<string, unknown>>;
}

export interface SenderOptions {
  /** Milliseconds that an event waits at most for others; 500. */
  every?: number;
  /** Events that wait at most; where more come the oldest are dropped, and counted; 10,000. */
  most?: number;
}

/** Events sent behind the page's back: collected, sent together, and again until taken. */
export class EventSender {
  constructor(client: Client, options?: SenderOptions);
  readonly sent: number;
  readonly dropped: number;
  /** That make no sense to the service. */
  readonly refused: number;
  readonly lastRefusal: string;
  /** Take an event; never waits. */
  add(event: MarqueeEvent): void;
  /** Send what waits, for so many milliseconds; how many events could not be sent. */
  close(patience?: number): Promise<number>;
}
