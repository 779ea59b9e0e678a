// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Effect, Scope, TokenKind, Workspace } from "./shared";

/** A rule that decided something. */
export interface DecidingRule {
  /** Its name. */
  id: string;
  /** Whether it permits; one that does not forbids, and wins. */
  permits: boolean;
}

/** What is to be explained. */
export interface ExplainAccessInput {
  /** A token's or session's id, or a token's name; whoever asks if not given. */
  principal?: string | null;
  /** The action's name, such as `platform.events.search`. */
  action: string;
  /**
   * As if it were asked from this address; from where the request comes, for whoever asks about
   * themselves.
   */
  address?: string | null;
}

/** An action, as rules see it. */
export interface ExplainedAction {
  /** Its name. */
  name: string;
  /** The scope that it needs. */
  scope: Scope;
  /** What it does to the world. */
  effect: Effect;
  /** Whether what it would do is shown first. */
  risky: boolean;
  /** Whether everybody may, as far as it is their own. */
  open: boolean;
}

/** Somebody who may or may not. */
export interface ExplainedPrincipal {
  /** The token's id. */
  id: string;
  /** What it is called. */
  name: string;
  /** How it is presented. */
  kind: TokenKind;
  /** The workspace that it acts in. */
  workspace: Workspace;
  /** Whether that is the only one that it reaches. */
  bound: boolean;
  /** The names of its roles. */
  roles: string[];
  /** What it holds, its roles' included. */
  scopes: Scope[];
}

/** Whether somebody may do something, and by which rule. */
export interface Explanation {
  /** Whether they may. */
  allowed: boolean;
  /** Why, in a sentence. */
  reason: string;
  /** The rules that decided it. None of a refusal means that no rule allows it. */
  rules: DecidingRule[];
  /** Where they have what the action needs from; empty if they do not have it. */
  granted_by: GrantedScope[];
  /** Who they are. */
  principal: ExplainedPrincipal;
  /** What they would do. */
  action: ExplainedAction;
  /** From where, as far as that is known. */
  address: string | null;
  /** When that was decided; a rule may speak of the time. */
  at: string;
}

/** A scope that covers an action, and where it is from. */
export interface GrantedScope {
  /** The scope. */
  scope: Scope;
  /** The role that brings it; null if it was given by itself. */
  role: string | null;
}

/** Nothing to choose. */
export type ListPoliciesInput = Record<string, never>;

/** Nothing to choose. */
export type ListRolesInput = Record<string, never>;

/** The rules in force. */
export interface Policies {
  /** The rules, those first that there always are. */
  policies: PolicyRecord[];
  /** The file that the others are read from; null if there is none. */
  file: string | null;
  /** SHA-256 of that file as it was read, in hexadecimal digits. */
  digest: string | null;
  /** When they were read. */
  loaded_at: string | null;
  /** What a rule can speak of: the schema, in the same language. */
  schema: string;
}

/** A rule. */
export interface PolicyRecord {
  /** Its name. */
  id: string;
  /** Whether it permits; one that does not forbids, and wins. */
  permits: boolean;
  /** Whether it is there always, and not from the file. */
  built_in: boolean;
  /** As it is written, in the Cedar language. */
  text: string;
}

/** A role. */
export interface RoleRecord {
  /** Its name. */
  name: string;
  /** Whether it is there always, and not from the configuration. */
  built_in: boolean;
  /** What it allows. */
  scopes: Scope[];
}

/** The actions of `platform.access`. */
export interface AccessActions {
  /**
   * Explain whether somebody may do something, and by which rule. Needs `access:manage`.
   *
   * Everybody may ask about themselves; about others, whoever has the scope.
   */
  "platform.access.explain": {
    input: ExplainAccessInput;
    output: Explanation;
    method: "GET";
    path: "/v1/access/explain";
    binding: "query";
  };
  /** Read the policies in force. Needs `access:manage`. */
  "platform.access.policies": {
    input: ListPoliciesInput;
    output: Policies;
    method: "GET";
    path: "/v1/access/policies";
    binding: "query";
  };
  /** List the roles and what each allows. Needs `events:read`. */
  "platform.access.roles": {
    input: ListRolesInput;
    output: RoleRecord[];
    method: "GET";
    path: "/v1/access/roles";
    binding: "query";
  };
}
