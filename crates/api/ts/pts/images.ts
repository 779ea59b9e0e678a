// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Run } from "./shared";

/** How far an image has come. */
export type ImageStatus = "known" | "built" | "published" | "promoted" | "retired";

/** An image and where it ran. */
export interface ImageView {
  /** Registry and repository. */
  image: string;
  /** What it is kept under: its digest or, when nobody named one, its tag. */
  reference: string;
  /** The content digest. For an image kept under its tag: where the tag last pointed. */
  digest: string | null;
  /** When the tag was last said to point there, for an image kept under its tag. */
  digest_at: string | null;
  /** The tags that pointed at it. */
  tags: string[];
  /** How far it has come. */
  status: ImageStatus;
  /** When that was reached. */
  status_at: string;
  /** The commit it was built from. */
  commit: string | null;
  /** The service it is of. */
  service: string | null;
  /** Its size in bytes. */
  size_bytes: number | null;
  /** What the newest scan found. */
  vulnerabilities: Vulnerabilities | null;
  /** When that scan was. */
  scanned_at: string | null;
  /** When it was built. */
  built_at: string | null;
  /** When it was published. */
  published_at: string | null;
  /** The environments it was promoted to, and when. */
  promoted: Record<string, string>;
  /** When it was retired. */
  retired_at: string | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
  /**
   * The periods in which it ran, as declared and as observed, newest first: runs that name its
   * digest or, where they name none, one of its tags.
   */
  ran: Run[];
}

/** Which images are wanted. Everything that is given must hold. */
export interface SearchImagesInput {
  /** Of this repository. */
  image?: string | null;
  /** With this tag. */
  tag?: string | null;
  /** Of this digest. */
  digest?: string | null;
  /** Of this service. */
  service?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Counts of known vulnerabilities by severity. */
export interface Vulnerabilities {
  /** Critical ones. */
  critical: number;
  /** High ones. */
  high: number;
  /** Medium ones. */
  medium: number;
  /** Low ones. */
  low: number;
}

/** The actions of `platform.images`. */
export interface ImagesActions {
  /** Search images, the one first reported last first. Needs `events:read`. */
  "platform.images.search": {
    input: SearchImagesInput;
    output: ImageView[];
    method: "GET";
    path: "/v1/images";
    binding: "query";
  };
}
