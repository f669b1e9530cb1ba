package org.vcpusim.actor;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import org.vcpusim.trace.Recorder;

/**
 * What the actors of one run share: their directory, the recorder, how much is under way, and what stopped the run.
 *
 * <p>A run is quiescent when every message sent has been handled. Both counts only grow, so when {@code handled}, read
 * first, equals {@code sent}, read second, nothing was under way at the moment between the two. A step that sends exactly
 * one message passes its own count on to it and counts nothing, see {@link ActorPort}; most steps are of that kind.
 */
public final class Run {
    private final Recorder recorder;
    private final @Nullable IntConsumer sends;
    private final LongAdder sent = new LongAdder();
    private final LongAdder handled = new LongAdder();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final AtomicReference<@Nullable Directory> directory = new AtomicReference<>();

    /** A run that reports to {@code recorder}. */
    public Run(Recorder recorder) {
        this.recorder = recorder;
        sends = null;
    }

    /**
     * A run that reports to {@code recorder}, and to {@code sends} the receiver of each message that a step sends, as its place in
     * the {@link Directory}.
     */
    public Run(Recorder recorder, IntConsumer sends) {
        this.recorder = recorder;
        this.sends = sends;
    }

    /** Makes the actors known to each other; once, before the first message is sent. */
    public void begin(Directory actors) {
        if (!directory.compareAndSet(null, actors)) {
            throw new IllegalStateException("the run has begun already");
        }
    }

    Directory directory() {
        Directory actors = directory.getPlain();
        if (actors == null) {
            throw new IllegalStateException("a message was handled before the run began");
        }
        return actors;
    }

    Recorder recorder() {
        return recorder;
    }

    void sent(int receiver) {
        if (sends != null) {
            sends.accept(receiver);
        }
    }

    /** A message that no actor of the run sends is about to be sent. */
    public void sending() {
        sent.increment();
    }

    void handledWithoutSending() {
        handled.increment();
    }

    /** Whether every message sent has been handled. */
    public boolean isQuiescent() {
        long done = handled.sum();
        return done == sent.sum();
    }

    /** Stops the run; the first cause is kept. */
    public void fail(Throwable cause) {
        failure.compareAndSet(null, cause);
    }

    /** Forgets what stopped the run: its actors begin again. */
    public void beginAgain() {
        failure.set(null);
    }

    /** What stopped the run. */
    public Optional<Throwable> failure() {
        return Optional.ofNullable(failure.get());
    }
}
