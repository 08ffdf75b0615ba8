-- Made by drizzle-kit; by hand: the routes there are speak what the dialect 'openai' meant.
CREATE TABLE "route_health" (
	"route_id" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"reason" text NOT NULL,
	"checked_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "route_health_state" CHECK ("route_health"."state" in ('up', 'down'))
);
--> statement-breakpoint
ALTER TABLE "price_versions" DROP CONSTRAINT "price_versions_effective";--> statement-breakpoint
ALTER TABLE "models" DROP CONSTRAINT "models_kind";--> statement-breakpoint
ALTER TABLE "routes" DROP CONSTRAINT "routes_dialect";--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "aliases" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "owner" text;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "display_name" text;--> statement-breakpoint
ALTER TABLE "price_versions" ADD COLUMN "route_id" text;--> statement-breakpoint
ALTER TABLE "price_versions" ADD COLUMN "units" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "request_logs" ADD COLUMN "attempts" jsonb;--> statement-breakpoint
ALTER TABLE "routes" ADD COLUMN "dialects" text[] DEFAULT '{openai-chat}' NOT NULL;--> statement-breakpoint
ALTER TABLE "routes" ALTER COLUMN "dialects" DROP DEFAULT;--> statement-breakpoint
UPDATE "routes" SET "dialects" = '{openai-embeddings}' FROM "models" WHERE "models"."id" = "model_id" AND "models"."kind" = 'embeddings';--> statement-breakpoint
ALTER TABLE "routes" ADD COLUMN "region" text;--> statement-breakpoint
ALTER TABLE "routes" ADD COLUMN "cost" jsonb;--> statement-breakpoint
ALTER TABLE "upstreams" ADD COLUMN "kind" text DEFAULT 'openai' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_records" ADD COLUMN "units" jsonb;--> statement-breakpoint
ALTER TABLE "usage_records" ADD COLUMN "upstream_cost_nanos" bigint;--> statement-breakpoint
ALTER TABLE "route_health" ADD CONSTRAINT "route_health_route_id_routes_id_fk" FOREIGN KEY ("route_id") REFERENCES "public"."routes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "price_versions" ADD CONSTRAINT "price_versions_route_id_routes_id_fk" FOREIGN KEY ("route_id") REFERENCES "public"."routes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routes" DROP COLUMN "dialect";--> statement-breakpoint
ALTER TABLE "price_versions" ADD CONSTRAINT "price_versions_effective" UNIQUE NULLS NOT DISTINCT("model_id","route_id","effective_at");--> statement-breakpoint
ALTER TABLE "models" ADD CONSTRAINT "models_kind" CHECK ("models"."kind" in ('chat', 'embeddings', 'images', 'speech', 'transcription', 'moderation'));--> statement-breakpoint
ALTER TABLE "price_versions" ADD CONSTRAINT "price_versions_units_range" CHECK (jsonb_typeof("price_versions"."units") = 'object'
        and not jsonb_path_exists("price_versions"."units", 'strict $.** ? (@.type() != "object" && @.type() != "number")')
        and not jsonb_path_exists("price_versions"."units", 'strict $.** ? (@.type() == "number" && (@ < 0 || @ > 100000000000))'));--> statement-breakpoint
ALTER TABLE "routes" ADD CONSTRAINT "routes_dialects" CHECK (cardinality("routes"."dialects") > 0 and "routes"."dialects" <@ array[
        'openai-chat', 'openai-responses', 'openai-embeddings', 'openai-images', 'openai-speech', 'openai-transcriptions',
        'openai-moderations', 'anthropic-messages', 'gemini-content', 'gemini-embeddings'
      ]);--> statement-breakpoint
ALTER TABLE "upstreams" ADD CONSTRAINT "upstreams_kind" CHECK ("upstreams"."kind" in ('openai', 'anthropic', 'gemini', 'cliproxyapi'));