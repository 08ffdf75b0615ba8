-- Made by drizzle-kit; PARTITION BY is added by hand, because drizzle-kit does not know it. ensurePartitions makes the months.
CREATE TABLE "api_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" text NOT NULL,
	"name" text NOT NULL,
	"key_hash" text NOT NULL,
	"redacted" text NOT NULL,
	"limits" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"allowed_models" text[],
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "api_keys_hash" UNIQUE("key_hash"),
	CONSTRAINT "api_keys_hash_is_sha256" CHECK ("api_keys"."key_hash" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "ledger_entries" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "ledger_entries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"organization_id" text NOT NULL,
	"amount_nanos" bigint NOT NULL,
	"kind" text NOT NULL,
	"event_id" text NOT NULL,
	"reason" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "ledger_entries_pk" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "ledger_entries_event" UNIQUE("event_id"),
	CONSTRAINT "ledger_entries_kind" CHECK ("ledger_entries"."kind" in ('credit', 'debit', 'settlement', 'adjustment')),
	CONSTRAINT "ledger_entries_sign" CHECK (case "ledger_entries"."kind" when 'credit' then "ledger_entries"."amount_nanos" > 0 when 'debit' then "ledger_entries"."amount_nanos" < 0
        when 'settlement' then "ledger_entries"."amount_nanos" <= 0 else true end),
	CONSTRAINT "ledger_entries_amount_range" CHECK ("ledger_entries"."amount_nanos" between -4500000000000000 and 4500000000000000)
);
--> statement-breakpoint
CREATE TABLE "models" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"context_tokens" integer NOT NULL,
	"max_output_tokens" integer NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "models_kind" CHECK ("models"."kind" in ('chat', 'embeddings')),
	CONSTRAINT "models_tokens" CHECK ("models"."context_tokens" > 0 and "models"."max_output_tokens" >= 0)
);
--> statement-breakpoint
CREATE TABLE "organizations" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"balance_nanos" bigint DEFAULT 0 NOT NULL,
	"overdraft_nanos" bigint DEFAULT 0 NOT NULL,
	"balance_version" bigint DEFAULT 1 NOT NULL,
	"limits" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "organizations_status" CHECK ("organizations"."status" in ('active', 'suspended')),
	CONSTRAINT "organizations_balance_range" CHECK ("organizations"."balance_nanos" between -4500000000000000 and 4500000000000000),
	CONSTRAINT "organizations_overdraft_range" CHECK ("organizations"."overdraft_nanos" between 0 and 4500000000000000)
);
--> statement-breakpoint
CREATE TABLE "parked_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "parked_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"event_id" text,
	"reason" text NOT NULL,
	"body" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "parked_events_event" UNIQUE("event_id")
);
--> statement-breakpoint
CREATE TABLE "price_versions" (
	"id" text PRIMARY KEY NOT NULL,
	"model_id" text NOT NULL,
	"input_picos" bigint NOT NULL,
	"cache_read_picos" bigint NOT NULL,
	"cache_write_5m_picos" bigint NOT NULL,
	"cache_write_1h_picos" bigint NOT NULL,
	"output_picos" bigint NOT NULL,
	"effective_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "price_versions_effective" UNIQUE("model_id","effective_at"),
	CONSTRAINT "price_versions_range" CHECK (least("price_versions"."input_picos", "price_versions"."cache_read_picos", "price_versions"."cache_write_5m_picos", "price_versions"."cache_write_1h_picos", "price_versions"."output_picos") >= 0
        and greatest("price_versions"."input_picos", "price_versions"."cache_read_picos", "price_versions"."cache_write_5m_picos", "price_versions"."cache_write_1h_picos", "price_versions"."output_picos") <= 10000000000)
);
--> statement-breakpoint
CREATE TABLE "request_logs" (
	"request_id" text NOT NULL,
	"organization_id" text NOT NULL,
	"key_id" text NOT NULL,
	"model" text NOT NULL,
	"provider" text,
	"method" text NOT NULL,
	"path" text NOT NULL,
	"status" integer,
	"outcome" text NOT NULL,
	"input_tokens" bigint,
	"output_tokens" integer,
	"latency_ms" integer NOT NULL,
	"time_to_first_token_ms" integer,
	"client_ip" text NOT NULL,
	"user_agent" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "request_logs_pk" PRIMARY KEY("organization_id","created_at","request_id")
) PARTITION BY RANGE ("created_at");
--> statement-breakpoint
CREATE TABLE "routes" (
	"id" text PRIMARY KEY NOT NULL,
	"model_id" text NOT NULL,
	"upstream_id" text NOT NULL,
	"upstream_model" text NOT NULL,
	"dialect" text NOT NULL,
	"priority" integer DEFAULT 0 NOT NULL,
	"weight" integer DEFAULT 1 NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	CONSTRAINT "routes_dialect" CHECK ("routes"."dialect" in ('openai')),
	CONSTRAINT "routes_weight" CHECK ("routes"."weight" > 0)
);
--> statement-breakpoint
CREATE TABLE "upstreams" (
	"id" text PRIMARY KEY NOT NULL,
	"base_url" text NOT NULL,
	"credential" text NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_daily" (
	"organization_id" text NOT NULL,
	"key_id" text NOT NULL,
	"model" text NOT NULL,
	"day" date NOT NULL,
	"requests" bigint NOT NULL,
	"input_tokens" bigint NOT NULL,
	"cache_read_tokens" bigint NOT NULL,
	"cache_write_5m_tokens" bigint NOT NULL,
	"cache_write_1h_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"reasoning_tokens" bigint NOT NULL,
	"cost_nanos" bigint NOT NULL,
	CONSTRAINT "usage_daily_pk" PRIMARY KEY("organization_id","day","key_id","model")
);
--> statement-breakpoint
CREATE TABLE "usage_records" (
	"request_id" text NOT NULL,
	"organization_id" text NOT NULL,
	"key_id" text NOT NULL,
	"model" text NOT NULL,
	"price_version_id" text NOT NULL,
	"route_id" text,
	"upstream" text,
	"input_tokens" integer,
	"cache_read_tokens" integer,
	"cache_write_5m_tokens" integer,
	"cache_write_1h_tokens" integer,
	"output_tokens" integer,
	"reasoning_tokens" integer,
	"cost_nanos" bigint NOT NULL,
	"estimated" boolean NOT NULL,
	"capped" boolean NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"settled_at" timestamp with time zone NOT NULL,
	CONSTRAINT "usage_records_pk" PRIMARY KEY("request_id","settled_at")
) PARTITION BY RANGE ("settled_at");
--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "price_versions" ADD CONSTRAINT "price_versions_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routes" ADD CONSTRAINT "routes_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routes" ADD CONSTRAINT "routes_upstream_id_upstreams_id_fk" FOREIGN KEY ("upstream_id") REFERENCES "public"."upstreams"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_keys_organization" ON "api_keys" USING btree ("organization_id");