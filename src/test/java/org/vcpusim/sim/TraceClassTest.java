package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import org.junit.jupiter.api.Test;

/** Which schedules count as the same. */
class TraceClassTest {
    /** Actor 0 sends to 1 and 2; then who handles what is given as digits. */
    private static long afterOneMessageEach(String handlers) {
        TraceClass traceClass = new TraceClass();
        traceClass.handles(0);
        traceClass.sent(0, 1);
        traceClass.sent(0, 2);
        handlers.chars().forEach(actor -> traceClass.handles(actor - '0'));
        return traceClass.hash();
    }

    @Test
    void messagesToDifferentActorsMayChangePlaces() {
        assertEquals(afterOneMessageEach("12"), afterOneMessageEach("21"));
        assertNotEquals(afterOneMessageEach("12"), afterOneMessageEach("1"));
    }

    /** Actors 0 and 1 send to 2, in one order or the other. */
    private static long raceOf(int first, int second) {
        TraceClass traceClass = new TraceClass();
        traceClass.handles(first);
        traceClass.sent(first, 2);
        traceClass.handles(second);
        traceClass.sent(second, 2);
        traceClass.handles(2);
        traceClass.handles(2);
        return traceClass.hash();
    }

    @Test
    void messagesOfDifferentSendersToOneActorMayNot() {
        assertNotEquals(raceOf(0, 1), raceOf(1, 0));
    }

    @Test
    void aMailboxMayHoldMoreThanSixteenMessages() {
        TraceClass traceClass = new TraceClass();
        for (int i = 0; i < 40; i++) {
            traceClass.sent(i, 0);
        }
        for (int i = 0; i < 40; i++) {
            traceClass.handles(0);
        }
        TraceClass one = new TraceClass();
        for (int i = 0; i < 40; i++) {
            one.sent(i, 0);
            one.handles(0);
        }
        assertEquals(one.hash(), traceClass.hash());
    }

    @Test
    void aNewScheduleBeginsWithEmptyMailboxes() {
        TraceClass traceClass = new TraceClass();
        traceClass.sent(3, 1);
        traceClass.handles(1);
        traceClass.sent(4, 1);
        traceClass.begin();
        traceClass.handles(1);
        TraceClass other = new TraceClass();
        other.handles(1);
        assertEquals(other.hash(), traceClass.hash());
    }
}
