package org.vcpusim.scenario;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.kvm.Program;
import org.vcpusim.scenario.Instruction.Setting;

/** Reads a list of instructions and loops. */
record ProgramReader<A>(List<Instruction<A>> table, Setting setting) {
    /** Keys of a loop. */
    static final List<String> LOOP_KEYS = List.of("repeat", "do");

    private static final String A_PROGRAM = "a list of instructions";
    private static final int DEEPEST = 16;

    /** The program that {@code value} lists. */
    Program<A> read(Located value) {
        return read(value, 0);
    }

    private Program<A> read(Located value, int depth) {
        if (depth > DEEPEST) {
            throw value.wrong("a program with at most " + DEEPEST + " loops inside each other");
        }
        List<Program.Item<A>> items = new ArrayList<>();
        for (Located element : value.elements(A_PROGRAM)) {
            if (element.isObject()) {
                items.add(loop(element, depth));
            } else {
                Instruction.read(table, element, setting).forEach(action -> items.add(new Program.Do<>(action)));
            }
        }
        return new Program<>(items);
    }

    private Program.Item<A> loop(Located value, int depth) {
        value.onlyKeys(LOOP_KEYS);
        long most = Limits.settings("vcpusim.scenario").getLong("repetitions");
        long times = value.need("repeat", Numbers.range(0, most)).number(0, most);
        return new Program.Repeat<>(times, read(value.need("do", A_PROGRAM), depth + 1));
    }

    /** Whether a program does nothing at all. */
    static boolean isEmpty(Program<?> program) {
        for (Program.Item<?> item : program.items()) {
            boolean does = !(item instanceof Program.Repeat<?> loop) || loop.times() > 0 && !isEmpty(loop.body());
            if (does) {
                return false;
            }
        }
        return true;
    }

    /** Whether {@code action} occurs in {@code program}, in its loops too. */
    static <A> boolean any(Program<A> program, java.util.function.Predicate<A> action) {
        for (Program.Item<A> item : program.items()) {
            boolean found = item instanceof Program.Do<A> once
                    ? action.test(once.action())
                    : item instanceof Program.Repeat<A> loop && any(loop.body(), action);
            if (found) {
                return true;
            }
        }
        return false;
    }
}
