package org.vcpusim.sim;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/** Actors that tell themselves an empty message over and over: what Pekko itself costs on this machine. */
final class BareActors {
    private static final long POLL_NANOS = 20_000_000;

    private BareActors() {}

    private enum Empty {
        EMPTY
    }

    /** Counts what it handles; the count may be read by other threads, late. */
    private static final class Bare extends AbstractBehavior<Empty> {
        private final Shared shared;
        private final int index;
        private long handled;

        private Bare(ActorContext<Empty> context, Shared shared, int index) {
            super(context);
            this.shared = shared;
            this.index = index;
        }

        @Override
        public Receive<Empty> createReceive() {
            return newReceiveBuilder().onAnyMessage(this::onMessage).build();
        }

        private Behavior<Empty> onMessage(Empty message) {
            handled++;
            if (shared.stopping) {
                shared.counts[index] = handled;
                shared.stopped.countDown();
                return Behaviors.stopped();
            }
            getContext().getSelf().tell(message);
            return this;
        }
    }

    /** What the actors share with the thread that measures. */
    private static final class Shared {
        private final long[] counts;
        private final CountDownLatch stopped;
        private volatile boolean stopping;

        private Shared(int actors) {
            counts = new long[actors];
            stopped = new CountDownLatch(actors);
        }
    }

    /** Messages per second that {@code actors} actors handle, measured over {@code nanos}, or until {@code stopped}. */
    static double messagesPerSecond(int actors, long nanos, BooleanSupplier stopped) {
        Shared shared = new Shared(actors);
        Behavior<Empty> guardian = Behaviors.setup(context -> {
            List<org.apache.pekko.actor.typed.ActorRef<Empty>> all = IntStream.range(0, actors)
                    .mapToObj(i -> context.spawnAnonymous(Behaviors.<Empty>setup(own -> new Bare(own, shared, i))))
                    .toList();
            all.forEach(actor -> actor.tell(Empty.EMPTY));
            return Behaviors.empty();
        });
        ActorSystem<Empty> system = ActorSystem.create(guardian, "bare", LiveSimulation.settings());
        long start = System.nanoTime();
        while (System.nanoTime() - start < nanos && !stopped.getAsBoolean()) {
            LockSupport.parkNanos(Math.min(POLL_NANOS, nanos - (System.nanoTime() - start)));
        }
        shared.stopping = true;
        awaitAll(shared);
        double seconds = (System.nanoTime() - start) / 1e9;
        system.terminate();
        return LongSum.of(shared.counts) / seconds;
    }

    private static void awaitAll(Shared shared) {
        try {
            shared.stopped.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static final class LongSum {
        private LongSum() {}

        static double of(long[] values) {
            long sum = 0;
            for (long value : values) {
                sum += value;
            }
            return (double) sum;
        }
    }
}
