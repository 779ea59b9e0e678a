//! The columns that diesel's query language reads and filters by, as the migrations make them.

diesel::table! {
    platform.deployments (workspace, service, environment, deployment_id) {
        workspace -> Integer,
        service -> Text,
        environment -> Text,
        deployment_id -> Text,
        status -> Text,
        status_at -> Timestamptz,
        version -> Nullable<Text>,
        succeeded_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        first_position -> BigInt,
        doc -> Jsonb,
    }
}

diesel::table! {
    platform.services (workspace, service) {
        workspace -> Integer,
        service -> Text,
        doc -> Jsonb,
    }
}

diesel::table! {
    platform.instances (workspace, service, environment, instance) {
        workspace -> Integer,
        service -> Text,
        environment -> Text,
        instance -> Text,
        last_seen_at -> Timestamptz,
        doc -> Jsonb,
    }
}

diesel::table! {
    platform.images (workspace, image, reference) {
        workspace -> Integer,
        image -> Text,
        reference -> Text,
        digest -> Nullable<Text>,
        service -> Nullable<Text>,
        first_position -> BigInt,
        doc -> Jsonb,
    }
}

diesel::table! {
    platform.states (workspace, component, environment) {
        workspace -> Integer,
        component -> Text,
        environment -> Text,
        service -> Nullable<Text>,
        state -> Text,
        doc -> Jsonb,
    }
}

diesel::table! {
    platform.configs (workspace, service, environment, key) {
        workspace -> Integer,
        service -> Text,
        environment -> Text,
        key -> Text,
        doc -> Jsonb,
    }
}

diesel::table! {
    platform.incidents (workspace, incident_id) {
        workspace -> Integer,
        incident_id -> Text,
        status -> Text,
        service -> Nullable<Text>,
        environment -> Nullable<Text>,
        deployment_id -> Nullable<Text>,
        opened_at -> Nullable<Timestamptz>,
        resolved_at -> Nullable<Timestamptz>,
        first_position -> BigInt,
        doc -> Jsonb,
    }
}

diesel::table! {
    access.tokens (id) {
        id -> Uuid,
        name -> Text,
        kind -> Text,
        hash -> Bytea,
        scopes -> Array<Text>,
        issued_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        roles -> Array<Text>,
        workspace -> Nullable<Text>,
        networks -> Array<Text>,
        subject -> Nullable<Text>,
        last_used_at -> Nullable<Timestamptz>,
    }
}
