package org.vcpusim.scenario;

import java.util.ArrayList;
import java.util.List;

/**
 * A row of an instruction table: a word, its operands and what they become.
 *
 * @param operands as the documentation shows them
 */
record Instruction<A>(String name, String operands, Reader<A> reader) {
    /** Makes actions of the words after the instruction's name. */
    interface Reader<A> {
        List<A> read(Words words, Setting setting);
    }

    /**
     * What the words of a program may refer to.
     *
     * @param physicalCpus processors of the host, 0 where the scenario says nothing of them
     */
    record Setting(List<String> devices, IpiForm ipis, int highestMsiDestination, int vcpus, int physicalCpus) {}

    /** How a local APIC is told to send an IPI. */
    enum IpiForm {
        /** ICR2, then ICR. */
        XAPIC,
        /** One write of 64 bits. */
        X2APIC
    }

    /** An instruction without operands. */
    static <A> Instruction<A> plain(String name, List<A> actions) {
        return new Instruction<>(name, "", (words, setting) -> actions);
    }

    /** The instruction as the documentation shows it. */
    String syntax() {
        return operands.isEmpty() ? name : name + " " + operands;
    }

    /** The actions of one instruction. */
    static <A> List<A> read(List<Instruction<A>> table, Located value, Setting setting) {
        Words words = Words.of(value, "an instruction or a loop { repeat = N, do = [...] }");
        List<String> names = new ArrayList<>();
        String name = words.next("instruction", "a word");
        for (Instruction<A> row : table) {
            if (row.name.equals(name)) {
                List<A> actions = row.reader.read(words, setting);
                words.end(row.operands.isEmpty() ? "absent" : "one of the operands: " + row.operands);
                return actions;
            }
            names.add(row.name);
        }
        throw value.wrong(Nearest.to(name, names)
                .map(near -> "a known instruction; did you mean " + near + "?")
                .orElse("a known instruction: " + String.join(", ", names)));
    }
}
