// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Workspace } from "./shared";

/** Which sessions are wanted. */
export interface ListSessionsInput {
  /** Only one's own, whoever else's could be seen. */
  mine?: boolean | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** The session to end. */
export interface RevokeSessionInput {
  /** Its `id`. */
  id: string;
}

/** Where somebody is signed in. */
export type SessionPlace = "browser" | "command_line";

/** What somebody is signed in for. */
export interface SessionRecord {
  /** Names the session, to end it. */
  id: string;
  /** Who is signed in. */
  name: string;
  /** The person as the identity provider names them; null for who signed in with a token or a link. */
  subject: string | null;
  /** Where. */
  place: SessionPlace;
  /** The roles that the person's groups gave. */
  roles: string[];
  /** The only workspace that it reaches; null for all. */
  workspace: Workspace | null;
  /** When it began. */
  created_at: string;
  /** When it was last used, to the minute or so. */
  last_used_at: string | null;
  /** When it is over if it is not used until then. */
  idle_ends_at: string | null;
  /** When it is over in any case. */
  expires_at: string | null;
  /** Whether it is the one that asks. */
  current: boolean;
}

/** The actions of `platform.sessions`. */
export interface SessionsActions {
  /**
   * List who is signed in, newest first. Needs `events:read`.
   *
   * One's own sessions; those of everybody with the scope `tokens:manage`. A session is one's own if the same person signed in, or the same token was signed in with. Sessions that are over are not listed.
   */
  "platform.sessions.list": {
    input: ListSessionsInput;
    output: SessionRecord[];
    method: "GET";
    path: "/v1/sessions";
    binding: "query";
  };
  /**
   * End a session, wherever it is. Needs `tokens:manage`.
   *
   * It is refused everywhere within a second. One's own session may always be ended, whatever the token may; those of others need the scope `tokens:manage`.
   */
  "platform.sessions.revoke": {
    input: RevokeSessionInput;
    output: SessionRecord;
    method: "POST";
    path: "/v1/sessions/revoke";
    binding: "command";
  };
}
