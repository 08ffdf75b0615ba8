ALTER TABLE "route_health" ADD COLUMN "failures" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "route_health" ADD COLUMN "probed_at" timestamp with time zone;