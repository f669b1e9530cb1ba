package org.vcpusim.kvm;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A list of things to do, some of them repeated: what guest software or a device runs.
 *
 * @param items in the order in which they are done
 */
public record Program<A>(List<Item<A>> items) {
    public Program {
        items = List.copyOf(items);
    }

    /** A thing to do, or a loop. */
    public sealed interface Item<A> {}

    /** Does {@code action} once. */
    public record Do<A>(A action) implements Item<A> {}

    /** Does {@code body} {@code times} times, 0 or more. */
    public record Repeat<A>(long times, Program<A> body) implements Item<A> {
        public Repeat {
            if (times < 0) {
                throw new IllegalArgumentException("times = " + times + ": must be at least 0");
            }
        }
    }

    /** The program that does {@code actions} one after the other. */
    public static <A> Program<A> of(List<A> actions) {
        return new Program<>(actions.stream().<Item<A>>map(Do::new).toList());
    }

    /** Where a run of a program stands; null is its end. */
    static final class Position<A> {
        private final Program<A> program;
        private final int index;
        private final long timesLeft;
        private final @Nullable Position<A> outer;

        private Position(Program<A> program, int index, long timesLeft, @Nullable Position<A> outer) {
            this.program = program;
            this.index = index;
            this.timesLeft = timesLeft;
            this.outer = outer;
        }

        /** The first action of {@code program}, null where it has none. */
        static <A> @Nullable Position<A> start(Program<A> program) {
            return settled(new Position<>(program, 0, 1, null));
        }

        /** The action to do here. */
        A action() {
            return ((Do<A>) program.items.get(index)).action;
        }

        /** The position after this action. */
        @Nullable Position<A> next() {
            return settled(new Position<>(program, index + 1, timesLeft, outer));
        }

        /** Goes into and out of loops until there is an action; loops without any action are passed over. */
        private static <A> @Nullable Position<A> settled(Position<A> from) {
            Position<A> at = from;
            while (true) {
                if (at.index == at.program.items.size()) {
                    if (at.timesLeft > 1 && !at.program.items.isEmpty()) {
                        at = new Position<>(at.program, 0, at.timesLeft - 1, at.outer);
                    } else if (at.outer == null) {
                        return null;
                    } else {
                        Position<A> o = at.outer;
                        at = new Position<>(o.program, o.index + 1, o.timesLeft, o.outer);
                    }
                } else if (at.program.items.get(at.index) instanceof Repeat<A> loop) {
                    boolean never = loop.times == 0 || !loop.body.hasAction();
                    at = never
                            ? new Position<>(at.program, at.index + 1, at.timesLeft, at.outer)
                            : new Position<>(loop.body, 0, loop.times, at);
                } else {
                    return at;
                }
            }
        }
    }

    /** Whether there is anything to do at all. */
    boolean hasAction() {
        return items.stream()
                .anyMatch(
                        item -> item instanceof Do || item instanceof Repeat<A> r && r.times > 0 && r.body.hasAction());
    }
}
