CREATE TABLE "audit_log" (
	"chain" text NOT NULL,
	"seq" bigint NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor_type" text NOT NULL,
	"actor_id" text NOT NULL,
	"ip" text,
	"request_id" text,
	"action" text NOT NULL,
	"target_type" text NOT NULL,
	"target_id" text NOT NULL,
	"before" jsonb,
	"after" jsonb,
	"previous_hash" text NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "audit_log_pk" PRIMARY KEY("chain","seq"),
	CONSTRAINT "audit_log_actor_type" CHECK ("audit_log"."actor_type" in ('user', 'management_key', 'operator', 'system'))
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"operation" text NOT NULL,
	"request_hash" text NOT NULL,
	"status" integer,
	"answer" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
CREATE TABLE "identities" (
	"provider" text NOT NULL,
	"subject" text NOT NULL,
	"user_id" text NOT NULL,
	"email" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "identities_pk" PRIMARY KEY("provider","subject"),
	CONSTRAINT "identities_user" UNIQUE("user_id","provider")
);
--> statement-breakpoint
CREATE TABLE "invitations" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" text NOT NULL,
	"email" text NOT NULL,
	"role" text NOT NULL,
	"invited_by" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"accepted_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "invitations_role" CHECK ("invitations"."role" in ('owner', 'admin', 'billing_admin', 'developer', 'viewer')),
	CONSTRAINT "invitations_end" CHECK ("invitations"."accepted_at" is null or "invitations"."revoked_at" is null)
);
--> statement-breakpoint
CREATE TABLE "ledger_pushes" (
	"organization_id" text PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "mail_outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "mail_outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"message" jsonb NOT NULL,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "mail_tokens" (
	"id" text PRIMARY KEY NOT NULL,
	"purpose" text NOT NULL,
	"user_id" text NOT NULL,
	"email" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "mail_tokens_purpose" CHECK ("mail_tokens"."purpose" in ('verify_email', 'reset_password', 'change_email'))
);
--> statement-breakpoint
CREATE TABLE "management_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" text NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"key_hash" text NOT NULL,
	"redacted" text NOT NULL,
	"created_by" text NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "management_keys_hash" UNIQUE("key_hash"),
	CONSTRAINT "management_keys_hash_is_sha256" CHECK ("management_keys"."key_hash" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "management_keys_role" CHECK ("management_keys"."role" in ('admin', 'billing_admin', 'developer', 'viewer'))
);
--> statement-breakpoint
CREATE TABLE "memberships" (
	"organization_id" text NOT NULL,
	"user_id" text NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "memberships_pk" PRIMARY KEY("organization_id","user_id"),
	CONSTRAINT "memberships_role" CHECK ("memberships"."role" in ('owner', 'admin', 'billing_admin', 'developer', 'viewer'))
);
--> statement-breakpoint
CREATE TABLE "passkeys" (
	"id" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"name" text NOT NULL,
	"credential_id" text NOT NULL,
	"public_key" text NOT NULL,
	"counter" bigint NOT NULL,
	"transports" text[] DEFAULT '{}' NOT NULL,
	"backed_up" boolean NOT NULL,
	"last_used_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "passkeys_credential" UNIQUE("credential_id")
);
--> statement-breakpoint
CREATE TABLE "platform_settings" (
	"name" text PRIMARY KEY NOT NULL,
	"value" jsonb NOT NULL,
	"version" integer NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "recovery_codes" (
	"user_id" text NOT NULL,
	"code_hash" text NOT NULL,
	"used_at" timestamp with time zone,
	CONSTRAINT "recovery_codes_pk" PRIMARY KEY("user_id","code_hash")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"method" text NOT NULL,
	"second_factor" boolean NOT NULL,
	"authenticated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ip" text NOT NULL,
	"user_agent" text NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "signing_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"purpose" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"retired_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "spend_alerts" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" text NOT NULL,
	"period" text NOT NULL,
	"amount_nanos" bigint NOT NULL,
	"raised_for" date,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "spend_alerts_period" CHECK ("spend_alerts"."period" in ('day', 'month')),
	CONSTRAINT "spend_alerts_amount" CHECK ("spend_alerts"."amount_nanos" between 1 and 4500000000000000)
);
--> statement-breakpoint
CREATE TABLE "usage_hourly" (
	"organization_id" text NOT NULL,
	"key_id" text NOT NULL,
	"model" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"requests" bigint NOT NULL,
	"input_tokens" bigint NOT NULL,
	"cache_read_tokens" bigint NOT NULL,
	"cache_write_5m_tokens" bigint NOT NULL,
	"cache_write_1h_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"reasoning_tokens" bigint NOT NULL,
	"cost_nanos" bigint NOT NULL,
	CONSTRAINT "usage_hourly_pk" PRIMARY KEY("organization_id","hour","key_id","model")
) PARTITION BY HASH ("organization_id");
--> statement-breakpoint
CREATE TABLE "users" (
	"id" text PRIMARY KEY NOT NULL,
	"email" text,
	"name" text NOT NULL,
	"email_verified_at" timestamp with time zone,
	"password_hash" text,
	"totp_enabled_at" timestamp with time zone,
	"totp_last_step" bigint,
	"current_organization_id" text,
	"deleted_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_email" UNIQUE("email"),
	CONSTRAINT "users_email_is_lower_case" CHECK ("users"."email" = lower("users"."email")),
	CONSTRAINT "users_deleted_is_empty" CHECK (("users"."deleted_at" is null) = ("users"."email" is not null))
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "allowed_ips" text[];--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "created_by" text;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "replaces" text;--> statement-breakpoint
ALTER TABLE "customer_events" ADD COLUMN "mailed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "personal" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "require_two_factor" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "default_key_limits" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "log_retention_days" integer;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "settings_version" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "deleted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "request_logs" ADD COLUMN "cost_nanos" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "request_logs" ADD COLUMN "estimated" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "identities" ADD CONSTRAINT "identities_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invitations" ADD CONSTRAINT "invitations_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ledger_pushes" ADD CONSTRAINT "ledger_pushes_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mail_tokens" ADD CONSTRAINT "mail_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "management_keys" ADD CONSTRAINT "management_keys_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "passkeys" ADD CONSTRAINT "passkeys_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recovery_codes" ADD CONSTRAINT "recovery_codes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "spend_alerts" ADD CONSTRAINT "spend_alerts_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_current_organization_id_organizations_id_fk" FOREIGN KEY ("current_organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_log_actor" ON "audit_log" USING btree ("chain","actor_id","seq");--> statement-breakpoint
CREATE INDEX "audit_log_actor_anywhere" ON "audit_log" USING btree ("actor_id","at");--> statement-breakpoint
CREATE INDEX "idempotency_keys_age" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "invitations_open" ON "invitations" USING btree ("organization_id","email") WHERE "invitations"."accepted_at" is null and "invitations"."revoked_at" is null;--> statement-breakpoint
CREATE INDEX "invitations_email" ON "invitations" USING btree ("email");--> statement-breakpoint
CREATE INDEX "ledger_pushes_due" ON "ledger_pushes" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "mail_outbox_due" ON "mail_outbox" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "mail_tokens_user" ON "mail_tokens" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "management_keys_organization" ON "management_keys" USING btree ("organization_id");--> statement-breakpoint
CREATE INDEX "memberships_user" ON "memberships" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "passkeys_user" ON "passkeys" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "sessions_user" ON "sessions" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "spend_alerts_organization" ON "spend_alerts" USING btree ("organization_id");--> statement-breakpoint
CREATE INDEX "api_keys_creator" ON "api_keys" USING btree ("created_by");--> statement-breakpoint
CREATE INDEX "customer_events_unmailed" ON "customer_events" USING btree ("id") WHERE "customer_events"."mailed_at" is null and "customer_events"."type" <> 'credential.paused';--> statement-breakpoint
CREATE INDEX "ledger_entries_rare" ON "ledger_entries" USING btree ("organization_id","id") WHERE "ledger_entries"."kind" <> 'settlement';--> statement-breakpoint
CREATE INDEX "request_logs_key" ON "request_logs" USING btree ("organization_id","key_id","created_at");--> statement-breakpoint
CREATE INDEX "request_logs_model" ON "request_logs" USING btree ("organization_id","model","created_at");--> statement-breakpoint
CREATE INDEX "request_logs_notable" ON "request_logs" USING btree ("organization_id","created_at") WHERE "request_logs"."outcome" <> 'completed' or "request_logs"."status" is null or "request_logs"."status" >= 400 or "request_logs"."estimated";--> statement-breakpoint
CREATE INDEX "request_logs_notable_key" ON "request_logs" USING btree ("organization_id","key_id","created_at") WHERE "request_logs"."outcome" <> 'completed' or "request_logs"."status" is null or "request_logs"."status" >= 400 or "request_logs"."estimated";--> statement-breakpoint
ALTER TABLE "organizations" ADD CONSTRAINT "organizations_log_retention" CHECK ("organizations"."log_retention_days" between 1 and 3650);--> statement-breakpoint
ALTER TABLE "organizations" ADD CONSTRAINT "organizations_deleted_is_suspended" CHECK ("organizations"."deleted_at" is null or "organizations"."status" = 'suspended');--> statement-breakpoint
-- By hand, from here on: the audit log chains itself and refuses to be changed; the hours of what was used before; what happened before is no news to be mailed; what the lines of before cost.
CREATE FUNCTION "audit_log_chains"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  newest record;
BEGIN
  -- Entries of one chain are written one after the other; the next statement sees what this lock waited for.
  PERFORM pg_advisory_xact_lock(hashtextextended('audit_log ' || NEW.chain, 0));
  SELECT seq, hash INTO newest FROM audit_log WHERE chain = NEW.chain ORDER BY seq DESC LIMIT 1;
  NEW.seq := coalesce(newest.seq, 0) + 1;
  NEW.at := clock_timestamp();
  NEW.previous_hash := coalesce(newest.hash, repeat('0', 64));
  SELECT encode(sha256(convert_to(string_agg(coalesce(octet_length(field) || ':' || field, '-'), ',' ORDER BY place), 'UTF8')), 'hex')
  INTO NEW.hash
  FROM unnest(ARRAY[
    NEW.previous_hash, NEW.chain, NEW.seq::text, round(extract(epoch from NEW.at) * 1000000)::bigint::text, NEW.actor_type, NEW.actor_id, NEW.ip,
    NEW.request_id, NEW.action, NEW.target_type, NEW.target_id, NEW.before::text, NEW.after::text
  ]) WITH ORDINALITY AS fields (field, place);
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER "audit_log_chains" BEFORE INSERT ON "audit_log" FOR EACH ROW EXECUTE FUNCTION "audit_log_chains"();
--> statement-breakpoint
CREATE FUNCTION "audit_log_refuses"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER "audit_log_refuses_change" BEFORE UPDATE OR DELETE ON "audit_log" FOR EACH ROW EXECUTE FUNCTION "audit_log_refuses"();
--> statement-breakpoint
CREATE TRIGGER "audit_log_refuses_truncate" BEFORE TRUNCATE ON "audit_log" FOR EACH STATEMENT EXECUTE FUNCTION "audit_log_refuses"();
--> statement-breakpoint
ALTER TABLE "usage_daily" RENAME TO "usage_daily_before";
--> statement-breakpoint
ALTER TABLE "usage_daily_before" RENAME CONSTRAINT "usage_daily_pk" TO "usage_daily_before_pk";
--> statement-breakpoint
CREATE TABLE "usage_daily" (LIKE "usage_daily_before", CONSTRAINT "usage_daily_pk" PRIMARY KEY ("organization_id", "day", "key_id", "model"))
PARTITION BY HASH ("organization_id");
--> statement-breakpoint
-- Sums are written as they come, all customers' beside each other. In 32 parts those of one customer lie close enough to be read in one report.
DO $$
BEGIN
  FOR part IN 0..31 LOOP
    EXECUTE format('CREATE TABLE usage_daily_part_%s PARTITION OF usage_daily FOR VALUES WITH (MODULUS 32, REMAINDER %s)', part, part);
    EXECUTE format('CREATE TABLE usage_hourly_part_%s PARTITION OF usage_hourly FOR VALUES WITH (MODULUS 32, REMAINDER %s)', part, part);
  END LOOP;
END $$;
--> statement-breakpoint
INSERT INTO "usage_daily" SELECT * FROM "usage_daily_before";
--> statement-breakpoint
DROP TABLE "usage_daily_before";
--> statement-breakpoint
INSERT INTO "usage_hourly" SELECT "organization_id", "key_id", "model", date_trunc('hour', "settled_at", 'UTC'), count(*),
  coalesce(sum("input_tokens"), 0), coalesce(sum("cache_read_tokens"), 0), coalesce(sum("cache_write_5m_tokens"), 0),
  coalesce(sum("cache_write_1h_tokens"), 0), coalesce(sum("output_tokens"), 0), coalesce(sum("reasoning_tokens"), 0), sum("cost_nanos")
FROM "usage_records" GROUP BY 1, 2, 3, 4;
--> statement-breakpoint
UPDATE "customer_events" SET "mailed_at" = "created_at";
--> statement-breakpoint
UPDATE "request_logs" l SET "cost_nanos" = u."cost_nanos", "estimated" = u."estimated" FROM "usage_records" u
WHERE u."organization_id" = l."organization_id" AND u."request_id" = l."request_id" AND u."started_at" = l."created_at";
