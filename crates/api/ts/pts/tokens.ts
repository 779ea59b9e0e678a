// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Scope, Span, TokenKind, Workspace } from "./shared";

/** What a new token shall be. */
export interface CreateTokenInput {
  /** What to call it: who will use it. 1 to 200 characters. */
  name: string;
  /** What it allows. */
  scopes?: Scope[];
  /** The roles that it allows as well, by their names. */
  roles?: string[];
  /**
   * The only workspace that it reaches; any if not given. Whoever is bound to one makes tokens that
   * are bound to it.
   */
  workspace?: Workspace | null;
  /**
   * Where it may be used from, such as `10.1.0.0/16`; from everywhere if not given. Whoever may act
   * from some networks only makes tokens that may be used from these.
   */
  networks?: Network[];
  /** How long it lasts, up to 3650d; for ever if not given. */
  lasts?: Span | null;
}

/** A token that was made. */
export interface CreatedToken {
  /** Its text: a secret that is shown here and never again. */
  text: string;
  /** What is kept of it. */
  token: TokenRecord;
}

/** Which token. */
export interface GetTokenInput {
  /** Its id. */
  id: string;
}

/** Which tokens are wanted. Everything that is given must hold. */
export interface ListTokensInput {
  /** Those that are presented so; `bearer` if not given. */
  kind?: TokenKind | null;
  /** Those of this name. */
  name?: string | null;
  /** Those that are bound to this workspace. */
  workspace?: Workspace | null;
  /** Ended ones, too; only those that are good if not given. */
  ended?: boolean | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** A network of addresses in CIDR notation, such as `10.1.0.0/16`; a lone address is a network of one. */
export type Network = string;

/** Which token ends. */
export interface RevokeTokenInput {
  /** Its id. */
  id: string;
}

/** What is known of a token: never its text. */
export interface TokenRecord {
  /** Names it. */
  id: string;
  /** What a person called it. */
  name: string;
  /** How it is presented. */
  kind: TokenKind;
  /** Whether it is good. */
  state: TokenState;
  /** What it allows by itself. */
  scopes: Scope[];
  /** The roles that it allows as well, by their names. */
  roles: string[];
  /** The only workspace that it reaches; null if it may act in any. */
  workspace: Workspace | null;
  /** Where it may be used from; from everywhere if there is none. */
  networks: Network[];
  /** The person behind a session, as the identity provider names them. */
  subject: string | null;
  /** The token that a session was signed in with. */
  issued_by: string | null;
  /** When it was made. */
  created_at: string;
  /** When it was last used, to a minute; null if it never was. */
  last_used_at: string | null;
  /** When it ends by itself; null if it does not. */
  expires_at: string | null;
  /** When it was revoked. */
  revoked_at: string | null;
}

/** Whether a token is good. */
export type TokenState = "live" | "expired" | "revoked";

/** The actions of `platform.tokens`. */
export interface TokensActions {
  /**
   * List tokens, newest first. Needs `tokens:manage`.
   *
   * What each allows, where, until when, and when it was last used. Whoever is bound to a workspace sees the tokens that are bound to it.
   */
  "platform.tokens.list": {
    input: ListTokensInput;
    output: TokenRecord[];
    method: "GET";
    path: "/v1/tokens";
    binding: "query";
  };
  /** Look up one token or session. Needs `tokens:manage`. */
  "platform.tokens.get": {
    input: GetTokenInput;
    output: TokenRecord;
    method: "GET";
    path: "/v1/tokens/{id}";
    binding: "query";
  };
  /**
   * Make a token, whose text is shown once. Needs `tokens:manage`.
   *
   * Nobody gives what they do not hold: neither a scope, nor a role (but for whoever holds `admin`), nor another workspace or network than their own.
   */
  "platform.tokens.create": {
    input: CreateTokenInput;
    output: CreatedToken;
    method: "POST";
    path: "/v1/tokens";
    binding: "command";
  };
  /**
   * End a token or a session. Needs `tokens:manage`.
   *
   * It is refused everywhere within a second, and so are the sessions that were signed in with it. What was revoked stays so. One's own is revoked at once; of another's it is shown first whose it is and when it was used.
   */
  "platform.tokens.revoke": {
    input: RevokeTokenInput;
    output: TokenRecord;
    method: "POST";
    path: "/v1/tokens/revoke";
    binding: "command";
  };
}
