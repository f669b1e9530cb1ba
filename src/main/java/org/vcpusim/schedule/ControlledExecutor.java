package org.vcpusim.schedule;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.dispatch.Mailbox;
import org.jspecify.annotations.Nullable;
import scala.concurrent.ExecutionContextExecutor;

/**
 * Runs Pekko's mailboxes on the thread that asks for it, one message at a time, in the order that a chooser gives.
 *
 * <p>A dispatcher with throughput 1 hands a mailbox over when it has something to do, and again when it still has after
 * one message. The mailboxes of enrolled actors are what a chooser chooses from. All others, such as the guardian's, run as
 * soon as they can and are no choice.
 *
 * <p>At the start of an actor system, other threads hand mailboxes over too; they wait in a queue for the driving thread.
 * This class relies on {@code org.apache.pekko.dispatch.Mailbox} being the {@code Runnable} that a dispatcher executes.
 */
public final class ControlledExecutor implements ExecutionContextExecutor {
    private static final long PARK_NANOS = 100_000;
    private static final int NOBODY = -1;

    private final Thread driver = Thread.currentThread();
    private final Queue<Runnable> foreign = new ConcurrentLinkedQueue<>();
    private final Deque<Runnable> system = new ArrayDeque<>();
    private final ReadyList ready = new ReadyList();
    private final IdentityHashMap<ActorRef, Integer> indices = new IdentityHashMap<>();
    private final List<@Nullable Runnable> mailboxes = new ArrayList<>();
    private int running = NOBODY;
    private @Nullable Chooser toldOfSends;

    /** How a run ended. */
    public enum End {
        /** No message is left. */
        QUIESCENT,
        /** As many messages as allowed were handled. */
        STEP_BOUND,
        /** Somebody asked for it, or the chooser did. */
        STOPPED
    }

    /**
     * What a run did.
     *
     * @param steps messages handled
     */
    public record Result(End end, long steps) {}

    /** An executor that the calling thread drives. */
    public static ControlledExecutor drivenByThisThread() {
        return new ControlledExecutor();
    }

    private ControlledExecutor() {}

    @Override
    public void execute(Runnable mailbox) {
        if (Thread.currentThread() == driver) {
            accept(mailbox);
        } else {
            foreign.add(mailbox);
            LockSupport.unpark(driver);
        }
    }

    private void accept(Runnable mailbox) {
        int index = indexOf(mailbox);
        if (index < 0) {
            system.add(mailbox);
        } else {
            mailboxes.set(index, mailbox);
            ready.add(index);
        }
    }

    private int indexOf(Runnable runnable) {
        if (indices.isEmpty() || !(runnable instanceof Mailbox mailbox)) {
            return NOBODY;
        }
        return indices.getOrDefault(mailbox.actor().self(), NOBODY);
    }

    @Override
    public void reportFailure(Throwable cause) {
        throw new IllegalStateException("a mailbox failed", cause);
    }

    /** Makes {@code actors} what choosers choose from, with their positions as indices. Nothing may be ready. */
    public void enroll(List<ActorRef> actors) {
        dismiss();
        for (ActorRef actor : actors) {
            indices.put(actor, mailboxes.size());
            mailboxes.add(null);
        }
    }

    /** Ends what {@link #enroll} began: mailboxes that are still ready run outside any choice from now on. */
    public void dismiss() {
        for (int position = 0; position < ready.size(); position++) {
            Runnable mailbox = mailboxes.get(ready.actor(position));
            if (mailbox != null) {
                system.add(mailbox);
            }
        }
        ready.clear();
        indices.clear();
        mailboxes.clear();
    }

    /** Runs everything that is no choice, until {@code done}; waits for other threads meanwhile. */
    public void runSystemUntil(BooleanSupplier done) {
        while (!done.getAsBoolean()) {
            runSystem();
            if (!done.getAsBoolean()) {
                LockSupport.parkNanos(this, PARK_NANOS);
            }
        }
    }

    /** Runs everything that is no choice. */
    public void runSystem() {
        requireDriver();
        takeForeign();
        for (Runnable next = system.poll(); next != null; next = system.poll()) {
            next.run();
            takeForeign();
        }
    }

    /**
     * Runs enrolled actors, one message a step.
     *
     * @param stepBound most messages to handle
     * @param stopped asked before every step
     */
    public Result run(Chooser chooser, long stepBound, BooleanSupplier stopped) {
        toldOfSends = chooser.wantsSends() ? chooser : null;
        try {
            return advance(chooser, stepBound, stopped);
        } finally {
            toldOfSends = null;
        }
    }

    private Result advance(Chooser chooser, long stepBound, BooleanSupplier stopped) {
        long steps = 0;
        while (true) {
            if (!system.isEmpty() || !foreign.isEmpty()) {
                runSystem();
            }
            if (stopped.getAsBoolean()) {
                return new Result(End.STOPPED, steps);
            }
            if (ready.size() == 0) {
                return new Result(End.QUIESCENT, steps);
            }
            if (steps == stepBound) {
                return new Result(End.STEP_BOUND, steps);
            }
            int position = chooser.choose(ready);
            if (position == Chooser.STOP) {
                return new Result(End.STOPPED, steps);
            }
            running = ready.remove(position);
            runOne(running);
            running = NOBODY;
            steps++;
        }
    }

    /** The step that runs sends to enrolled actor {@code receiver}; a chooser that wants to know is told. */
    public void sent(int receiver) {
        if (toldOfSends != null && running != NOBODY) {
            toldOfSends.sent(running, receiver);
        }
    }

    private void runOne(int actor) {
        Runnable mailbox = mailboxes.get(actor);
        if (mailbox == null) {
            throw new IllegalStateException("actor " + actor + " is ready without a mailbox");
        }
        mailbox.run();
    }

    private void takeForeign() {
        for (Runnable next = foreign.poll(); next != null; next = foreign.poll()) {
            if (indexOf(next) >= 0) {
                throw new IllegalStateException("another thread sent to an actor of a controlled run: " + next);
            }
            system.add(next);
        }
    }

    private void requireDriver() {
        if (Thread.currentThread() != driver) {
            throw new IllegalStateException("only " + driver + " drives this executor");
        }
    }
}
